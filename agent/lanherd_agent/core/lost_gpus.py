"""Live runs whose GPU failed under them: they are told so while they live, and if such a run then
fails of what may be its GPU's fault, that is the cause. Its own log seldom shows it: the driver
tells the kernel, and the run sees 'unspecified launch failure'.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from lanherd_agent.core.books import Books
from lanherd_agent.core.cause_rules import Rule
from lanherd_agent.core.causes import may_be_of_gpu
from lanherd_agent.core.gpu_numbers import gpu_number
from lanherd_agent.core.machine_state import Cordon
from lanherd_agent.core.run_states import Measure, Running
from lanherd_agent.core.step import Step
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.values import Lease, LeasedGpu, Reason

Cordons = Mapping[GpuUuid, Cordon]

REMEDY = "Start it again, on another GPU, and tell the machine's owner."


def _fault(code: str, text: str) -> Rule:
    return Rule(code=code, needles=(), patterns=(), text=text, remedy=REMEDY, gpu=True)


FAULTS: Mapping[str, Rule] = {
    "cordon_xid": _fault(
        "gpu_xid", "The driver reported Xid {xid} for its GPU {gpu} while it ran."
    ),
    "cordon_lost": _fault(
        "gpu_lost", "Its GPU {gpu} was lost while it ran: the driver doesn't reach it any more."
    ),
    "cordon_ecc": _fault(
        "gpu_ecc",
        "The memory of its GPU {gpu} had an error that ECC could not correct while it ran.",
    ),
}
"""By why the GPU was closed. A driver that hangs may go on, and so may its runs."""
_CODES = frozenset(rule.code for rule in FAULTS.values())


def tell_runs(books: Books, before: Cordons, after: Cordons, now: float, step: Step) -> None:
    """Warns the runs on GPUs that failed since, and takes back what healed."""
    failed = {uuid for uuid, cordon in after.items() if before.get(uuid) != cordon}
    healed = {uuid for uuid, cordon in before.items() if uuid not in after and cordon.heals}
    for run in list(books.runs.values()):
        state = run.state
        if not isinstance(state, Running):
            continue
        warning = state.warning
        for gpu in state.lease.gpus:
            if gpu.uuid in failed:
                warning = _warning(gpu, after[gpu.uuid].reason) or warning
            elif gpu.uuid in healed and _is_of(warning, gpu):
                warning = None
        if warning != state.warning:
            books.become(run, Measure, replace(state, warning=warning), now, step)


def fault_of_lease(lease: Lease, cordons: Cordons, since: float) -> Reason | None:
    """What is wrong since then with the first GPU of a lease that failed."""
    for gpu in lease.gpus:
        cordon = cordons.get(gpu.uuid)
        if cordon is not None and cordon.since >= since:
            fault = _warning(gpu, cordon.reason)
            if fault is not None:
                return fault
    return None


def is_of_gpu(warning: Reason | None) -> bool:
    """Whether a run's warning says that its GPU failed."""
    return warning is not None and warning.code in _CODES


def cause_with(warning: Reason | None, found: Reason) -> Reason:
    """Why the run failed: its GPU, if `found` may be of one that failed under it. The lines of the
    log are shown all the same."""
    if warning is None or not is_of_gpu(warning) or not may_be_of_gpu(found.code):
        return found
    return replace(warning, data={**found.data, **warning.data})


def _is_of(warning: Reason | None, gpu: LeasedGpu) -> bool:
    return (
        warning is not None
        and is_of_gpu(warning)
        and warning.data["gpu"] == gpu_number(gpu.index, gpu.instance)
    )


def _warning(gpu: LeasedGpu, fault: Reason) -> Reason | None:
    rule = FAULTS.get(fault.code)
    if rule is None:
        return None
    data = {**fault.data, "gpu": gpu_number(gpu.index, gpu.instance)}
    text = rule.text.format_map(data)
    return Reason(code=rule.code, text=text, data=data, remedy=rule.remedy)
