"""Which machine a run goes to, when the user named none or several: where it can start soonest.

The agent's placement has the last word; this only picks the queue to wait in.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lanherd_client.mirror import Connecting, MachineView, Online
from lanherd_client.sizes import format_size
from lanherd_client.suiting import (
    Needs,
    asks_of,
    free_bytes,
    free_places,
    has_of,
    needs_of,
    unsuited,
)
from lanherd_protocol.errors import ErrorCode, LanherdError, error, from_failure
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.values import GpuReading, GpuRequest, HostRequest

MachineNames = str | Sequence[str] | None
"""A machine, or several of which it may be any; None: any of all. Names, ids, or the beginning of
either."""


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
            refusal="several_machines",
            machine=text,
            machines=names,
        )
    raise error(
        ErrorCode.NOT_FOUND,
        f"No machine is called '{text}'.",
        f"Known machines: {names}.",
        "See 'lanherd machines', or pair it with 'lanherd pair'.",
        refusal="no_such_machine",
        machine=text,
        machines=", ".join(m.name for m in machines),
    )


def find_machines(machines: Sequence[MachineView], names: MachineNames) -> tuple[MachineView, ...]:
    """Those that are named, each once; none where nothing is said. Raises as `find_machine`,
    and `MisuseError` for an empty name or list."""
    if names is not None and (not names or (not isinstance(names, str) and "" in names)):
        # An empty one is nearly always a variable that was never set, and no wish for any machine.
        raise error(
            ErrorCode.INVALID_REQUEST,
            "machine names no machine.",
            f"It was given as {names!r}.",
            "Write a name, or leave it out where any machine will do.",
            refusal="empty_machine",
        )
    said = (names,) if isinstance(names, str) else names or ()
    found = [find_machine(machines, name) for name in said]
    return tuple({machine.machine: machine for machine in found}.values())


def choose_for(
    machines: Sequence[MachineView],
    named: Sequence[MachineView],
    homes: Sequence[MachineView],
    request: GpuRequest,
    host: HostRequest,
) -> Choice:
    """As `choose`, of those that are `named` if there are any, and where the runs are that it waits
    for, its `homes`. Raises `INVALID_REQUEST` where both can't be."""
    if len(named) == 1:
        choice = Choice(require_online(named[0]), f"{named[0].name}: it was named.")
    elif homes:
        choice = Choice(require_online(homes[0]), f"{homes[0].name}: it waits for a run there.")
    else:
        return choose(named or machines, request, host)
    if named and choice.machine.machine not in {machine.machine for machine in named}:
        raise apart_error(named[0], homes)
    if any(home.machine != choice.machine.machine for home in homes):
        raise apart_error(choice.machine, homes)
    return choice


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
                refusal="not_answered_yet",
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
    """Bytes free for runs on each GPU, see `free_bytes`; of one that is cut, on its MIG instances
    together. What takes no run, or whose use is unknown, is left out."""
    if machine.facts is None or machine.telemetry is None:
        return {}
    readings = {reading.uuid: reading for reading in machine.telemetry.gpus}
    free: dict[GpuUuid, int] = {}
    for gpu in machine.facts.gpus:
        reading = readings.get(gpu.uuid)
        inner = () if reading is None else reading.instances
        sizes = {one.uuid: one.vram_bytes for one in gpu.instances}
        sized = [(reading, gpu.vram_bytes)] if not sizes and not gpu.mig else []
        sized += [(one, sizes[one.uuid]) for one in inner if one.uuid in sizes]
        open_ = [free_bytes(one, size) for one, size in sized if not _is_closed(one)]
        known = [size for size in open_ if size is not None]
        if known:
            free[gpu.uuid] = sum(known)
    return free


def _is_closed(reading: GpuReading | None) -> bool:
    return reading is not None and reading.cordon is not None


def choose(
    machines: Sequence[MachineView], request: GpuRequest, host: HostRequest | None = None
) -> Choice:
    """The machine of these for a request: pure, by what was last read of them.

    Raises `UNREACHABLE`, `NOT_FOUND`, `INVALID_REQUEST` for a constraint that can't be read, and
    `IMPOSSIBLE_REQUEST`, which says of each machine why it doesn't suit.
    """
    needs = needs_of(request, host or HostRequest())
    online = [machine for machine in machines if machine.online]
    if not online:
        raise _nobody(machines)
    if len(online) == 1:
        only = online[0]
        others = "the only paired machine" if len(machines) == 1 else "the only one connected"
        return Choice(only, f"{only.name}: {others}.")
    why_not = {machine.machine: unsuited(machine, needs) for machine in online}
    able = [machine for machine in online if why_not[machine.machine] is None]
    if not able:
        told = (f"{machine.name} {why_not[machine.machine]}" for machine in online)
        raise _impossible(needs, online, tuple(told))
    if request.count == 0:
        least = min(able, key=lambda m: (m.runs_waiting + m.runs_live, m.name))
        return Choice(least, f"{least.name}: it has the fewest runs.")
    return _soonest(able, needs)


def _soonest(able: Sequence[MachineView], needs: Needs) -> Choice:
    free = {machine.machine: free_places(machine, needs)[: needs.most] for machine in able}
    now = [machine for machine in able if len(free[machine.machine]) >= needs.gpus.count]
    # Where others wait already, what is free may be kept for them.
    at_once = [machine for machine in now if not machine.runs_waiting] or now
    if at_once:
        best = max(at_once, key=lambda m: (len(free[m.machine]), sum(free[m.machine])))
        size = format_size(sum(free[best.machine]))
        return Choice(best, f"{best.name}: it has the most free VRAM that fits ({size}).")
    best = max(able, key=lambda m: (-m.runs_waiting, sum(free[m.machine])))
    return Choice(
        best,
        f"{best.name}: no machine has room now, and this one has the fewest runs waiting.",
    )


def apart_error(chosen: MachineView, others: Sequence[MachineView]) -> LanherdError:
    """The failure for a run that waits for runs of other machines than its own."""
    names = ", ".join(machine.name for machine in others if machine.machine != chosen.machine)
    return error(
        ErrorCode.INVALID_REQUEST,
        "A run can wait only for runs of its own machine.",
        f"It goes to {chosen.name}, and waits for a run on {names}.",
        "Name the machine of the runs that it waits for, or leave the machine out.",
        refusal="waits_elsewhere",
        machine=chosen.name,
        machines=names,
    )


def _nobody(machines: Sequence[MachineView]) -> LanherdError:
    if not machines:
        return error(
            ErrorCode.NOT_FOUND,
            "No machine is paired yet.",
            "This controller knows no agent that it may talk to.",
            "Pair one with 'lanherd pair'.",
            refusal="none_paired",
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
        refusal="none_connected",
        machines=names,
    )


def _impossible(
    needs: Needs, machines: Sequence[MachineView], why_not: Sequence[str]
) -> LanherdError:
    lines = "\n".join(f"{why}." for why in why_not)
    return error(
        ErrorCode.IMPOSSIBLE_REQUEST,
        "No connected machine suits this run.",
        lines,
        "Ask for less, or wait for a machine that has it.",
        refusal="none_suits",
        gpus=needs.gpus.count,
        vram_bytes=needs.gpus.vram_bytes,
        asks=asks_of(needs),
        has="; ".join(map(has_of, machines)),
    )
