"""Which machine a run goes to, when the user named none: a pure choice by free VRAM.

The agent's placement has the last word; this only picks the queue to wait in.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lanherd_client.mirror import Connecting, MachineView, Online
from lanherd_client.sizes import format_size
from lanherd_protocol.errors import ErrorCode, LanherdError, error, from_failure
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.values import GpuRequest


@dataclass(frozen=True, slots=True)
class Choice:
    """A machine, and why it was taken, as a sentence."""

    machine: MachineView
    reason: str


def find_machine(machines: Sequence[MachineView], text: str) -> MachineView:
    """A machine by its id, its name, or the beginning of either. Raises `NotFoundError`,
    `ConflictError`."""
    exact = [m for m in machines if text in (m.machine, m.name)]
    found = exact or [m for m in machines if m.machine.startswith(text) or m.name.startswith(text)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(m.name for m in (found or machines)) or "none"
    if found:
        raise error(
            ErrorCode.CONFLICT,
            f"'{text}' names {len(found)} machines.",
            f"They are: {names}.",
            "Write more of the name, or the machine's id from 'lanherd machines --json'.",
            machine=text,
        )
    raise error(
        ErrorCode.NOT_FOUND,
        f"No machine is called '{text}'.",
        f"Known machines: {names}.",
        "See 'lanherd machines', or pair it with 'lanherd pair'.",
        machine=text,
    )


def require_online(machine: MachineView) -> MachineView:
    """The machine, if it is connected. Raises the failure of its link otherwise."""
    match machine.link:
        case Online():
            return machine
        case Connecting():
            raise error(
                ErrorCode.UNREACHABLE,
                f"{machine.name} has not answered yet.",
                "The connection is being made.",
                "Try again in a few seconds.",
                machine=machine.name,
            )
        case refused_or_lost:
            raise from_failure(refused_or_lost.failure)


def require_some_online(machines: Sequence[MachineView]) -> tuple[MachineView, ...]:
    """Those that are connected; nothing where none is paired. Raises `UNREACHABLE`."""
    online = tuple(machine for machine in machines if machine.online)
    if machines and not online:
        raise _nobody(machines)
    return online


def free_vram_by_gpu(machine: MachineView) -> dict[GpuUuid, int]:
    """Bytes free on each GPU: foreign memory and leases are taken off.

    A lease counts fully, whether or not its run holds the memory yet. A GPU whose use is unknown is
    left out.
    """
    if machine.facts is None or machine.telemetry is None:
        return {}
    readings = {reading.uuid: reading for reading in machine.telemetry.gpus}
    free: dict[GpuUuid, int] = {}
    for gpu in machine.facts.gpus:
        reading = readings.get(gpu.uuid)
        if reading is None or reading.vram_used_bytes is None or reading.problem is not None:
            continue
        foreign = max(reading.vram_used_bytes - reading.vram_ours_bytes, 0)
        ours = max(reading.vram_ours_bytes, reading.vram_leased_bytes)
        free[gpu.uuid] = max(gpu.vram_bytes - foreign - ours, 0)
    return free


def free_vram(machine: MachineView) -> tuple[int, ...]:
    """Bytes free per GPU, most first."""
    return tuple(sorted(free_vram_by_gpu(machine).values(), reverse=True))


def choose(machines: Sequence[MachineView], request: GpuRequest) -> Choice:
    """The machine for a request. Raises `UNREACHABLE`, `NOT_FOUND` or `IMPOSSIBLE_REQUEST`."""
    online = [machine for machine in machines if machine.online]
    if not online:
        raise _nobody(machines)
    if len(online) == 1:
        only = online[0]
        others = "the only paired machine" if len(machines) == 1 else "the only one connected"
        return Choice(only, f"{only.name}: {others}.")
    if request.count == 0:
        least = min(online, key=lambda m: (m.runs_waiting + m.runs_live, m.name))
        return Choice(least, f"{least.name}: it has the fewest runs.")
    return _by_vram(online, request)


def _by_vram(online: Sequence[MachineView], request: GpuRequest) -> Choice:
    able = [machine for machine in online if _could_fit(machine, request)]
    if not able:
        raise _impossible(online, request)
    now = [machine for machine in able if _fits_now(machine, request)]
    if now:
        best = max(now, key=lambda m: _best_free(m, request))
        free = format_size(_best_free(best, request))
        return Choice(best, f"{best.name}: it has the most free VRAM that fits ({free}).")
    best = max(able, key=lambda m: (-m.runs_waiting, _best_free(m, request)))
    return Choice(
        best,
        f"{best.name}: no machine has room now, and this one has the fewest runs waiting.",
    )


def _best_free(machine: MachineView, request: GpuRequest) -> int:
    return sum(free_vram(machine)[: request.count])


def _could_fit(machine: MachineView, request: GpuRequest) -> bool:
    gpus = machine.facts.gpus if machine.facts is not None else ()
    return sum(gpu.vram_bytes >= request.vram_bytes for gpu in gpus) >= request.count


def _fits_now(machine: MachineView, request: GpuRequest) -> bool:
    free = free_vram(machine)[: request.count]
    return len(free) == request.count and all(vram >= max(request.vram_bytes, 1) for vram in free)


def apart_error(chosen: MachineView, others: Sequence[MachineView]) -> LanherdError:
    """The failure for a run that waits for runs of other machines than its own."""
    names = ", ".join(machine.name for machine in others if machine.machine != chosen.machine)
    return error(
        ErrorCode.INVALID_REQUEST,
        "A run can wait only for runs of its own machine.",
        f"It goes to {chosen.name}, and waits for a run on {names}.",
        "Name the machine of the runs that it waits for, or leave the machine out.",
        machine=chosen.name,
    )


def _nobody(machines: Sequence[MachineView]) -> LanherdError:
    if not machines:
        return error(
            ErrorCode.NOT_FOUND,
            "No machine is paired yet.",
            "This controller knows no agent that it may talk to.",
            "Pair one with 'lanherd pair'.",
        )
    if len(machines) == 1:
        try:
            require_online(machines[0])
        except LanherdError as problem:
            return problem
    names = ", ".join(machine.name for machine in machines)
    return error(
        ErrorCode.UNREACHABLE,
        "No machine is connected.",
        f"None of the paired machines answers: {names}.",
        "See 'lanherd machines' for why.",
    )


def _impossible(online: Sequence[MachineView], request: GpuRequest) -> LanherdError:
    has = "; ".join(
        f"{machine.name} has {len(gpus)} × {format_size(max(gpu.vram_bytes for gpu in gpus))}"
        if (gpus := machine.facts.gpus if machine.facts is not None else ())
        else f"{machine.name} has no GPU"
        for machine in online
    )
    return error(
        ErrorCode.IMPOSSIBLE_REQUEST,
        f"No connected machine has {request.count} GPUs with {format_size(request.vram_bytes)}.",
        f"{has}.",
        "Ask for fewer GPUs or less VRAM.",
        gpus=request.count,
        vram_bytes=request.vram_bytes,
    )
