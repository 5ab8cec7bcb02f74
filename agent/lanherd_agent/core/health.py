"""The health gate: which GPUs take no run until a person, or a good reading, lets them.

A GPU is closed when the driver reports an Xid that is the GPU's own, an error that ECC could not
correct, or nothing at all; and when so many runs in a row failed on it alone that the rules want
it, of causes that may be the GPU's. What is the user's own fault, as far as the log shows it, says
nothing of the GPU, in either way; a run that succeeds does.

'Alone': since the first of them, fewer than half as many failed in that way on all other GPUs
together, those not counted after which a run succeeded there. So runs that fail wherever they run
close no GPU; what failed elsewhere before, or now and then, hinders nothing. The only GPU of a
machine has nothing that it could be alone among: there only failures count whose cause shows a GPU,
or one's own bad script would close it after three tries.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from lanherd_agent.core import machine_reasons as reasons
from lanherd_agent.core.books import Books
from lanherd_agent.core.causes import may_be_of_gpu, shows_gpu
from lanherd_agent.core.events import GpuCapacity
from lanherd_agent.core.lost_gpus import tell_runs
from lanherd_agent.core.machine_state import Cordon, Failures, MachineState
from lanherd_agent.core.step import Step
from lanherd_protocol.ids import GpuUuid, RunId
from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.states import Ended
from lanherd_protocol.values import Reason

XIDS: Mapping[int, str] = {
    48: "an error of its memory that ECC could not correct",
    54: "its power cable is not connected",
    61: "its internal controller reported a fault",
    62: "its internal controller stopped",
    63: "a part of its memory was taken out of use",
    64: "a part of its memory could not be taken out of use",
    74: "an error of its NVLink",
    79: "it fell off the bus",
    92: "very many errors of its memory",
    94: "an error of its memory that was contained",
    95: "an error of its memory that was not contained",
    110: "a security fault",
    119: "its GSP processor did not answer",
    120: "its GSP processor failed",
    121: "an error of its link to the CPU",
    140: "an error of its memory that it did not recover from",
    143: "it could not be initialised",
    154: "the driver wants it to be reset",
}
"""Xids that are a fault of the GPU or its driver (NVIDIA's 'Xid Errors' catalogue). Others, such as
13, 31, 43 and 45, are those of a program that made a mistake or was killed."""
FAILURES_KEPT = 16


class Seen(Struct, frozen=True, kw_only=True):
    """What was known of a GPU last. A reading that could not be taken leaves it as it was: what was
    told before a hang is not new after it, and what came during one is."""

    index: int
    xids_total: int = 0
    ecc_errors: int | None = None
    left: bool = False
    """It is a MIG instance that is no more: its layout may come back."""


def seen_of(gpu: GpuCapacity, before: Seen | None) -> Seen:
    before = before or Seen(index=gpu.index)
    errors = before.ecc_errors if gpu.ecc_errors is None else gpu.ecc_errors
    total = max(before.xids_total, gpu.xids_total)
    return Seen(index=gpu.index, xids_total=total, ecc_errors=errors)


class Health:
    """Closes and opens GPUs, in the core's books."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.seen: dict[GpuUuid, Seen] = {}
        """What was known of each GPU: only what is new is news."""

    def inherit(self, before: "Health") -> None:
        """What another has seen is no news any more, so what it closed for that stays closed."""
        self.seen = before.seen
        machine = self._books.machine
        faults = {u: c for u, c in before._books.machine.cordons.items() if not c.by}
        if faults.keys() - machine.cordons.keys():
            self._books.machine = replace(machine, cordons={**faults, **machine.cordons})

    def on_readings(self, gpus: Sequence[GpuCapacity], now: float, step: Step) -> None:
        machine = self._books.machine
        cordons = dict(machine.cordons)
        for gpu in gpus:
            self._judge(gpu, cordons, now)
        self._miss(gpus, cordons, now)
        if cordons != machine.cordons:
            self._books.machine = replace(machine, cordons=cordons)
            self._books.line_moved = True
            tell_runs(self._books, machine.cordons, cordons, now, step)

    def _judge(self, gpu: GpuCapacity, cordons: dict[GpuUuid, Cordon], now: float) -> None:
        known = cordons.get(gpu.uuid)
        fault = fault_of(gpu, self.seen.get(gpu.uuid))
        if fault is not None:
            if known is None or known.heals or known.by:
                cordons[gpu.uuid] = Cordon(reason=fault, since=now)
        elif gpu.problem is not None:
            reason = reasons.unreadable(gpu.problem)
            if known is None:
                cordons[gpu.uuid] = Cordon(reason=reason, since=now, heals=True)
            elif known.heals and known.reason != reason:
                # A driver that is asked anew may find out that the GPU is lost.
                cordons[gpu.uuid] = replace(known, reason=reason)
        elif known is not None and known.heals:
            del cordons[gpu.uuid]
        self.seen[gpu.uuid] = seen_of(gpu, self.seen.get(gpu.uuid))

    def _miss(
        self, gpus: Sequence[GpuCapacity], cordons: dict[GpuUuid, Cordon], now: float
    ) -> None:
        """Those that are not told of any more. MIG instances come and go with their layout."""
        there = {gpu.uuid for gpu in gpus}
        numbers = {gpu.index for gpu in gpus}
        for uuid, seen in self.seen.items():
            if uuid in there or seen.left:
                continue
            known = cordons.get(uuid)
            if seen.index not in numbers:
                if known is None:
                    reason = reasons.unreadable("It is lost: it was there before.")
                    cordons[uuid] = Cordon(reason=reason, since=now, heals=True)
            else:
                self.seen[uuid] = replace(seen, left=True)
                if known is not None and known.heals:
                    del cordons[uuid]


def fault_of(gpu: GpuCapacity, before: Seen | None) -> Reason | None:
    """What a reading shows that was not there before, and that only a person can judge."""
    new = gpu.xids_total - (before.xids_total if before is not None else 0)
    for code in gpu.xids[-new:] if new > 0 else ():
        if code in XIDS:
            return reasons.xid(code, XIDS[code])
    errors, errors_before = gpu.ecc_errors, before.ecc_errors if before is not None else None
    if errors is not None and errors_before is not None and errors > errors_before:
        return reasons.ecc(errors, errors_before)
    return None


def after_end(
    machine: MachineState,
    rules: MachineRules,
    run: RunId,
    ended: Ended,
    now: float,
    *,
    only_gpu: bool,
) -> MachineState:
    """What the end of a run says of the GPUs that it held. `only_gpu`: the machine has but one."""
    held = [gpu.uuid for gpu in ended.lease.gpus]
    if ended.outcome == "succeeded":
        return forget_failures(machine, held)
    suspect = ended.outcome == "failed" and _is_suspect(ended.reason.code, only_gpu)
    if not suspect or len(held) != 1 or not rules.failures_max:
        return machine
    known = machine.failures.get(held[0], Failures())
    if run in known.runs:
        return machine
    failed = Failures(
        runs=(*known.runs, run)[-FAILURES_KEPT:],
        last_at=now,
        times=(*_times(known), now)[-FAILURES_KEPT:],
    )
    machine = replace(machine, failures={**machine.failures, held[0]: failed})
    if len(failed.runs) < rules.failures_max or held[0] in machine.cordons:
        return machine
    if not _is_alone(held[0], machine.failures):
        return machine
    cordon = Cordon(reason=reasons.failures(len(failed.runs), ended.reason.text), since=now)
    return replace(machine, cordons={**machine.cordons, held[0]: cordon})


def _is_suspect(code: str, only_gpu: bool) -> bool:
    return shows_gpu(code) if only_gpu else may_be_of_gpu(code)


def _is_alone(gpu: GpuUuid, failures: Mapping[GpuUuid, Failures]) -> bool:
    """Whether the row of this GPU's failures is its own: see the top of the file."""
    row = _times(failures[gpu])
    others = (_times(failed) for other, failed in failures.items() if other != gpu)
    elsewhere = sum(at >= row[0] for times in others for at in times)
    return 2 * elsewhere < len(row)


def _times(failed: Failures) -> tuple[float, ...]:
    unknown = len(failed.runs) - len(failed.times)
    return (*(failed.last_at,) * unknown, *failed.times)


def forget_failures(machine: MachineState, gpus: Sequence[GpuUuid]) -> MachineState:
    if machine.failures.keys().isdisjoint(gpus):
        return machine
    left = {gpu: failed for gpu, failed in machine.failures.items() if gpu not in gpus}
    return replace(machine, failures=left)
