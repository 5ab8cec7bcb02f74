"""Live runs whose GPU fails under them: the warning, and the cause of what comes of it, also where
the sample that shows it comes after the end."""

from typing import Any

import pytest
from msgspec.structs import replace

from lanherd_agent.core.events import GpuCapacity, RunUse, TimerFired
from lanherd_agent.core.run_states import Running, Starting
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.values import Reason, RetryRule
from tests.simulation.making import GB, gpu, gpu_spec, new, readings, run_id
from tests.unit.core.machine import Machine, ended

LOST = gpu(0, problem="The GPU is lost: it fell off the bus.")
XID = replace(gpu(0), xids=(48,), xids_total=1)
HUNG = "The NVIDIA driver stopped answering."
BAD = Reason(code="illegal_access", text="A kernel read.", data={"lines": "CUDA error"})


def running(count: int = 1) -> Machine:
    machine = Machine()
    read(machine, replace(gpu(0), ecc_errors=0), gpu(1))
    machine.submit(new(1, gpu_spec(4, count=count)))
    machine.started(1)
    return machine


def read(machine: Machine, *gpus: GpuCapacity) -> Any:
    machine.now += 1
    return machine.handle(readings(*gpus))


def warning_of(machine: Machine) -> Reason | None:
    state = machine.state(1)
    assert isinstance(state, Running)
    return state.warning


@pytest.mark.parametrize(
    ("fault", "code"),
    [(LOST, "gpu_lost"), (XID, "gpu_xid"), (replace(gpu(0), ecc_errors=1), "gpu_ecc")],
)
def test_a_fault_of_its_gpu_warns_a_live_run_and_is_the_cause(
    fault: GpuCapacity, code: str
) -> None:
    machine = running()
    step = read(machine, fault, gpu(1))
    warning = warning_of(machine)
    assert warning is not None and warning.code == code and "GPU 0" in warning.text
    assert len(step.told) == 1
    assert not read(machine, fault, gpu(1)).told
    machine.exited(1, 1, cause=BAD)
    over = ended(machine, 1)
    assert (over.reason.code, over.reason.text) == (code, warning.text)
    assert over.reason.data["lines"] == "CUDA error" and over.reason.data["gpu"] == 0


@pytest.mark.parametrize(("code", "signal"), [(1, None), (None, 11)])
def test_it_is_the_cause_of_what_no_log_explains(code: int | None, signal: int | None) -> None:
    machine = running()
    read(machine, XID, gpu(1))
    machine.exited(1, code, signal)
    assert ended(machine, 1).reason.code == "gpu_xid"


def test_what_is_no_fault_of_a_gpu_stays_the_cause() -> None:
    machine = running()
    read(machine, XID, gpu(1))
    machine.exited(1, 2, cause=Reason(code="usage", text="Wrong."))
    assert ended(machine, 1).reason.code == "usage"


def test_a_success_stays_one() -> None:
    machine = running()
    read(machine, XID, gpu(1))
    machine.exited(1, 0)
    assert ended(machine, 1).outcome == "succeeded"


def test_other_gpus_and_hangs_are_no_matter() -> None:
    machine = running()
    read(machine, gpu(0), replace(gpu(1), xids=(79,), xids_total=1))
    assert warning_of(machine) is None
    read(machine, gpu(0, problem=HUNG), gpu(1))
    assert warning_of(machine) is None
    machine.exited(1, 1, cause=BAD)
    assert ended(machine, 1).reason.code == "illegal_access"


def test_a_run_that_does_not_run_yet_is_told_nothing() -> None:
    machine = Machine()
    read(machine, gpu(0))
    machine.submit(new(1, gpu_spec(4)))
    assert not read(machine, XID).told


def test_a_gpu_that_is_there_again_takes_its_warning_back() -> None:
    machine = running(count=2)
    read(machine, LOST, gpu(1, problem=HUNG))
    read(machine, LOST, gpu(1))
    warning = warning_of(machine)
    assert warning is not None and warning.data["gpu"] == 0
    read(machine, gpu(0), gpu(1))
    assert warning_of(machine) is None


def test_an_instance_is_called_by_its_gpu() -> None:
    instance = replace(gpu(0), uuid=GpuUuid("MIG-0"), instance=1, profile="1g.5gb")
    machine = Machine()
    read(machine, instance)
    spec = gpu_spec()
    slices = replace(spec, gpus=replace(spec.gpus, mig="1g.5gb"))
    machine.submit(new(1, slices))
    machine.started(1)
    read(machine, replace(instance, xids=(94,), xids_total=1))
    warning = warning_of(machine)
    assert warning is not None and "GPU 0:1" in warning.text


def test_it_weighs_more_than_too_much_vram() -> None:
    machine = running()
    uses = (RunUse(run=run_id(1), vram_bytes=9 * GB),)
    for _ in range(2):
        read(machine, replace(gpu(0), uses=uses), gpu(1))
    warning = warning_of(machine)
    assert warning is not None and warning.code == "over_use"
    read(machine, replace(XID, uses=uses), gpu(1))
    read(machine, replace(XID, uses=uses), gpu(1))
    warning = warning_of(machine)
    assert warning is not None and warning.code == "gpu_xid"
    read(machine, XID, gpu(1))
    assert warning_of(machine) == warning


def test_it_is_not_taken_back_with_the_use_of_too_much_vram() -> None:
    machine = running()
    uses = (RunUse(run=run_id(1), vram_bytes=9 * GB),)
    for _ in range(2):
        read(machine, replace(gpu(0), uses=uses), gpu(1))
    read(machine, XID, gpu(1))
    warning = warning_of(machine)
    assert warning is not None and warning.code == "gpu_xid"


# --- The sample that comes too late --------------------------------------------------------------


def failed(machine: Machine, **more: Any) -> None:
    machine.now += 1
    machine.exited(1, 1, cause=BAD, **more)
    assert ended(machine, 1).reason.code == "illegal_access"
    assert not machine.core.books.ledger.leases(), "others needn't wait for it"


@pytest.mark.parametrize(
    ("fault", "code"),
    [(LOST, "gpu_lost"), (XID, "gpu_xid"), (replace(gpu(0), ecc_errors=1), "gpu_ecc")],
)
def test_a_fault_that_is_seen_after_the_end_is_the_cause_all_the_same(
    fault: GpuCapacity, code: str
) -> None:
    machine = running()
    failed(machine)
    before = ended(machine, 1)
    step = read(machine, fault, gpu(1))
    over = ended(machine, 1)
    assert over.reason.code == code and "while it ran" in over.reason.text
    assert over.reason.data["lines"] == "CUDA error"
    assert replace(over, reason=before.reason) == before
    (told,) = step.told
    assert told.view.state == over
    assert not read(machine, fault, gpu(1)).told


def test_a_sample_that_was_under_way_at_the_end_is_not_the_last_that_counts() -> None:
    machine = running()
    failed(machine)
    machine.handle(readings(gpu(0), gpu(1)))
    read(machine, XID, gpu(1))
    assert ended(machine, 1).reason.code == "gpu_xid"


def test_the_first_sample_counts_however_late_it_is_and_no_later_one() -> None:
    machine = running()
    failed(machine)
    machine.now += 60
    read(machine, XID, gpu(1))
    assert ended(machine, 1).reason.code == "gpu_xid"
    machine = running()
    failed(machine)
    machine.now += 60
    read(machine, gpu(0), gpu(1))
    read(machine, XID, gpu(1))
    assert ended(machine, 1).reason.code == "illegal_access"


def test_of_other_ends_and_other_gpus_it_says_nothing() -> None:
    machine = running()
    machine.exited(1, 0)
    read(machine, XID, gpu(1))
    assert ended(machine, 1).outcome == "succeeded"
    machine = running()
    machine.exited(1, 2, cause=Reason(code="usage", text="Wrong."))
    read(machine, XID, gpu(1))
    assert ended(machine, 1).reason.code == "usage"
    machine = running()
    failed(machine)
    read(machine, gpu(0, problem=HUNG), replace(gpu(1), xids=(79,), xids_total=1))
    assert ended(machine, 1).reason.code == "illegal_access"


def test_an_attempt_that_was_tried_again_has_its_cause_too() -> None:
    machine = Machine()
    read(machine, gpu(0), gpu(1))
    spec = gpu_spec(4)
    machine.submit(new(1, replace(spec, retry=RetryRule(attempts_max=3, backoff_s=0.0))))
    machine.started(1)
    machine.now += 1
    machine.exited(1, 1, cause=BAD)
    assert isinstance(machine.state(1), Starting)
    step = read(machine, XID, gpu(1))
    (before,) = machine.run(1).earlier
    assert (before.attempt, before.reason.code) == (1, "gpu_xid")
    assert [told.view.earlier for told in step.told] == [(before,)]
    machine.exited(1, 1, cause=BAD)
    assert [one.reason.code for one in machine.run(1).earlier] == ["gpu_xid", "illegal_access"]


def test_an_end_that_only_the_store_holds_by_then() -> None:
    machine = running()
    failed(machine)
    record = machine.run(1).record()
    machine.core.forget([run_id(1)])
    late = readings(XID, gpu(1))
    assert machine.core.strangers(late) == [run_id(1)]
    assert machine.core.strangers(TimerFired(timer="look")) == []
    machine.core.recall([record])
    machine.handle(late)
    assert ended(machine, 1).reason.code == "gpu_xid"
    machine.core.forget([run_id(1)])
    assert not read(machine, XID, gpu(1)).told, "it is gone for good"


def test_a_turn_that_could_not_be_kept_forgets_neither_the_end_nor_the_fault() -> None:
    machine = running()
    failed(machine)
    later = machine.again()
    read(machine, XID, gpu(1))
    later.core.inherit(machine.core)
    later.now = machine.now
    step = read(later, XID, gpu(1))
    assert ended(later, 1).reason.code == "gpu_xid"
    assert step.machine is not None and step.machine.cordons.keys() == {gpu(0).uuid}
    kept = later.again()
    kept.core.inherit(later.core)
    assert read(kept, XID, gpu(1)).machine is None
