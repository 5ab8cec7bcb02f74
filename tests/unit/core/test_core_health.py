"""Which GPUs are closed and opened, by readings and by the ends of runs."""

from typing import Any

import pytest
from msgspec.structs import replace

from lanherd_agent.core.events import GpuCapacity, ReadingsTaken
from lanherd_agent.core.health import FAILURES_KEPT, XIDS, after_end
from lanherd_agent.core.machine_reasons import no_gpu
from lanherd_agent.core.machine_state import Cordon, Failures, MachineState
from lanherd_agent.core.run_states import Queued, Starting
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.states import Ended, Outcome
from lanherd_protocol.values import Lease, LeasedGpu, Reason
from tests.simulation.making import GB, NOW, gpu, gpu_spec, new, readings, run_id
from tests.unit.core.machine import Machine, ended

GPU = GpuUuid("GPU-0")
OTHER = GpuUuid("GPU-1")
RULES = MachineRules()


def cordons(machine: Machine) -> dict[str, str]:
    found = machine.core.books.machine.cordons
    return {uuid: cordon.reason.code for uuid, cordon in found.items()}


def read(machine: Machine, *gpus: GpuCapacity) -> Any:
    return machine.handle(readings(*gpus))


def with_xids(*codes: int) -> GpuCapacity:
    return replace(gpu(0), xids=codes, xids_total=len(codes))


@pytest.mark.parametrize("xid", sorted(XIDS))
def test_an_xid_of_the_gpu_closes_it(xid: int) -> None:
    machine = Machine()
    step = read(machine, with_xids(xid), gpu(1))
    assert cordons(machine) == {GPU: "cordon_xid"}
    assert step.machine is machine.core.books.machine
    cordon = machine.core.books.machine.cordons[GPU]
    assert str(xid) in cordon.reason.text and not cordon.heals and not cordon.by
    assert read(machine, gpu(0), gpu(1)).machine is None
    assert cordons(machine) == {GPU: "cordon_xid"}


@pytest.mark.parametrize("xid", [13, 31, 43, 45, 999])
def test_an_xid_of_a_program_does_not(xid: int) -> None:
    machine = Machine()
    assert read(machine, with_xids(xid)).machine is None


def test_a_released_gpu_is_not_closed_for_the_same_xid_again() -> None:
    machine = Machine()
    read(machine, with_xids(79))
    books = machine.core.books
    books.machine = MachineState()
    read(machine, with_xids(79))
    assert cordons(machine) == {}
    later = machine.again()
    later.core.inherit(machine.core)
    read(later, with_xids(79))
    assert cordons(later) == {}
    read(later, with_xids(79, 48))
    assert cordons(later) == {GPU: "cordon_xid"}


def test_the_same_xid_again_closes_a_released_gpu_again() -> None:
    machine = Machine()
    read(machine, with_xids(79))
    machine.core.books.machine = MachineState()
    read(machine, with_xids(79, 79))
    assert cordons(machine) == {GPU: "cordon_xid"}


def test_an_xid_of_the_gpu_counts_though_one_of_a_program_came_after_it() -> None:
    machine = Machine()
    read(machine, with_xids(13))
    read(machine, with_xids(13, 48, 45, 45))
    assert machine.core.books.machine.cordons[GPU].reason.data["xid"] == 48


def test_more_xids_than_are_told_are_new_too() -> None:
    machine = Machine()
    read(machine, replace(gpu(0), xids=(79,), xids_total=500))
    assert cordons(machine) == {GPU: "cordon_xid"}


@pytest.mark.parametrize("silent", [gpu(0, problem="The driver hangs."), gpu(0)])
def test_a_hang_makes_nothing_old_new(silent: GpuCapacity) -> None:
    machine = Machine()
    before = replace(with_xids(79), ecc_errors=2)
    read(machine, before)
    machine.core.books.machine = MachineState()
    read(machine, silent)
    read(machine, before)
    assert cordons(machine) == {}


def test_errors_of_the_memory_during_a_hang_are_news() -> None:
    machine = Machine()
    read(machine, replace(gpu(0), ecc_errors=2))
    read(machine, gpu(0, problem="The driver hangs."))
    read(machine, replace(gpu(0), ecc_errors=3))
    assert machine.core.books.machine.cordons[GPU].reason.data["new_errors"] == 1


def test_an_instance_that_comes_back_has_no_new_xid() -> None:
    machine = Machine()
    instance = replace(with_xids(79), instance=0)
    read(machine, instance)
    machine.core.books.machine = MachineState()
    read(machine, replace(gpu(0), uuid=GpuUuid("MIG-2"), instance=0))
    read(machine, replace(gpu(0), uuid=GpuUuid("MIG-2"), instance=0))
    read(machine, instance)
    assert cordons(machine) == {}


def test_only_new_errors_of_the_memory_count() -> None:
    machine = Machine()
    read(machine, replace(gpu(0), ecc_errors=2))
    read(machine, replace(gpu(0), ecc_errors=2))
    read(machine, gpu(0))
    read(machine, replace(gpu(0), ecc_errors=2))
    assert cordons(machine) == {}
    read(machine, replace(gpu(0), ecc_errors=5))
    reason = machine.core.books.machine.cordons[GPU].reason
    assert reason.code == "cordon_ecc" and reason.data["new_errors"] == 3


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        ("The GPU is lost: it fell off the bus.", "cordon_lost"),
        ("The NVIDIA driver was updated while the old one is still loaded.", "cordon_driver"),
        ("its VRAM can't be read", "cordon_unreadable"),
    ],
)
def test_what_cannot_be_read_is_closed_until_it_can(problem: str, code: str) -> None:
    machine = Machine()
    read(machine, gpu(0, problem=problem))
    assert cordons(machine) == {GPU: code}
    assert read(machine, gpu(0, problem=problem)).machine is None
    read(machine, gpu(0, problem="something else"))
    assert cordons(machine) == {GPU: "cordon_unreadable"}
    read(machine, gpu(0))
    assert cordons(machine) == {}


def test_a_gpu_that_turns_out_to_be_lost_is_closed_for_that() -> None:
    machine = Machine()
    read(machine, gpu(0))
    read(machine, gpu(0, problem="The NVIDIA driver was restarted."))
    since = machine.core.books.machine.cordons[GPU].since
    machine.now += 5
    read(machine, gpu(0, problem="The GPU is lost."))
    cordon = machine.core.books.machine.cordons[GPU]
    assert (cordon.reason.code, cordon.since, cordon.heals) == ("cordon_lost", since, True)
    read(machine, gpu(0))
    assert cordons(machine) == {}


def test_a_gpu_that_is_gone_is_closed_until_it_is_back() -> None:
    machine = Machine()
    read(machine, gpu(0), gpu(1))
    read(machine, gpu(1))
    assert cordons(machine) == {GPU: "cordon_lost"}
    assert read(machine, gpu(1)).machine is None
    read(machine, gpu(0), gpu(1))
    assert cordons(machine) == {}


def test_instances_of_a_new_layout_replace_the_old() -> None:
    machine = Machine()
    first = replace(gpu(0), uuid=GpuUuid("MIG-1"), instance=0)
    second = replace(gpu(0), uuid=GpuUuid("MIG-2"), instance=0)
    read(machine, replace(first, problem="its VRAM can't be read"))
    assert list(cordons(machine)) == ["MIG-1"]
    read(machine, second)
    assert cordons(machine) == {}
    read(machine, first)
    read(machine, second)
    assert cordons(machine) == {}


def test_a_fault_is_told_though_a_person_had_closed_it() -> None:
    machine = Machine()
    read(machine, gpu(0))
    closed = Cordon(reason=Reason(code="cordon_person", text="Ann."), since=NOW, by="ann")
    machine.core.books.machine = MachineState(cordons={GPU: closed})
    read(machine, gpu(0, problem="its VRAM can't be read"))
    read(machine, gpu(0))
    assert cordons(machine) == {GPU: "cordon_person"}
    read(machine, with_xids(79))
    assert cordons(machine) == {GPU: "cordon_xid"}
    read(machine, replace(with_xids(79), ecc_errors=0))
    read(machine, replace(with_xids(79), ecc_errors=1))
    assert cordons(machine) == {GPU: "cordon_xid"}


# --- Ends of runs --------------------------------------------------------------------------------


def end(
    code: str = "exit_code", outcome: Outcome = "failed", gpus: tuple[int, ...] = (0,)
) -> Ended:
    held = tuple(LeasedGpu(index=n, uuid=GpuUuid(f"GPU-{n}"), vram_bytes=GB) for n in gpus)
    reason = Reason(code=code, text="It failed.")
    return Ended(at=NOW, outcome=outcome, reason=reason, lease=Lease(gpus=held))


def after(
    *ends: Ended,
    rules: MachineRules = RULES,
    machine: MachineState | None = None,
    only_gpu: bool = False,
) -> Any:
    state = machine or MachineState()
    for number, one in enumerate(ends, 1):
        state = after_end(state, rules, run_id(number), one, NOW + number, only_gpu=only_gpu)
    return state


def test_so_many_failures_in_a_row_close_a_gpu() -> None:
    assert after(end(), end()).cordons == {}
    state = after(end(), end("segfault"), end("gpu_lost"))
    assert state.cordons[GPU].reason.code == "cordon_failures"
    assert state.cordons[GPU].reason.data["failures"] == 3
    assert state.failures[GPU].runs == (run_id(1), run_id(2), run_id(3))
    assert after(end(), end(), rules=MachineRules(failures_max=2)).cordons.keys() == {GPU}
    assert after(end(), end(), end(), rules=MachineRules(failures_max=0)) == MachineState()


def test_ones_own_bad_script_does_not_close_the_only_gpu() -> None:
    assert after(*(end() for _ in range(5)), only_gpu=True) == MachineState()
    shown = (end("segfault"), end("gpu_lost"), end("segfault"))
    assert after(*shown, only_gpu=True).cordons.keys() == {GPU}
    for gpus, counts in ((gpu(0),), False), ((gpu(0), gpu(1)), True):
        machine = Machine()
        read(machine, *gpus)
        machine.submit(new(1, gpu_spec(4)))
        machine.started(1)
        machine.exited(1, 1)
        assert bool(machine.core.books.machine.failures) == counts


def test_a_success_and_what_is_the_users_own_fault() -> None:
    assert after(end(), end(), end("succeeded", "succeeded"), end()).cordons == {}
    assert after(*(end("missing_module") for _ in range(5))) == MachineState()
    assert after(end(), end("usage"), end(), end("file_not_found"), end()).cordons.keys() == {GPU}
    assert after(*(end("timed_out", "timed_out") for _ in range(5))) == MachineState()
    assert after(end("succeeded", "succeeded")) == MachineState()


def test_several_gpus_or_none_say_nothing_of_one() -> None:
    assert after(*(end(gpus=(0, 1)) for _ in range(5))) == MachineState()
    assert after(*(end(gpus=()) for _ in range(5))) == MachineState()


def elsewhere(number: int = 1) -> Ended:
    return end(gpus=(number,))


def test_runs_that_fail_on_other_gpus_too_are_at_fault_themselves() -> None:
    state = after(end(), elsewhere(), end(), elsewhere(), end())
    assert state.cordons == {} and state.failures.keys() == {GPU, OTHER}
    assert after(end(), elsewhere(1), end(), elsewhere(2), end()).cordons == {}
    sweep = [end(gpus=(number % 4,)) for number in range(16)]
    assert after(*sweep).cordons == {}


def test_what_failed_on_other_gpus_before_hinders_nothing() -> None:
    before = after(elsewhere(1), elsewhere(2), elsewhere(2), end(), end(), end())
    assert before.cordons.keys() == {GPU}


def test_a_failure_elsewhere_now_and_then_hinders_nothing() -> None:
    assert after(end(), elsewhere(), end(), end()).cordons.keys() == {GPU}
    one_each = (end(), elsewhere(1), elsewhere(2), end(), end())
    assert after(*one_each, end()).cordons == {}
    assert after(*one_each, end(), end()).cordons.keys() == {GPU}


def test_a_success_elsewhere_takes_its_failures_back() -> None:
    well = end("succeeded", "succeeded", gpus=(1,))
    state = after(end(), elsewhere(), elsewhere(), well, end(), end())
    assert state.cordons.keys() == {GPU}


def test_failures_that_an_older_agent_noted_count_at_the_time_of_the_last() -> None:
    old = Failures(runs=(run_id(8), run_id(9)), last_at=NOW - 5)
    state = after(end(), machine=MachineState(failures={GPU: old}))
    assert state.cordons.keys() == {GPU}
    assert state.failures[GPU].times == (NOW - 5, NOW - 5, NOW + 1)
    state = after(end(), end(), end(), machine=MachineState(failures={OTHER: old}))
    assert state.cordons.keys() == {GPU}


def test_a_run_that_is_tried_again_counts_once() -> None:
    state = MachineState()
    for _ in range(5):
        state = after_end(state, RULES, run_id(1), end(), NOW, only_gpu=False)
    assert state.failures[GPU].runs == (run_id(1),) and state.cordons == {}


def test_what_is_kept_is_bounded_and_a_cordon_stays_as_it_was() -> None:
    cordon = Cordon(reason=Reason(code="cordon_xid", text="Xid."), since=NOW)
    state = after(*(end() for _ in range(30)), machine=MachineState(cordons={GPU: cordon}))
    assert len(state.failures[GPU].runs) == FAILURES_KEPT
    assert state.cordons == {GPU: cordon}


def test_the_core_counts_what_its_runs_came_to() -> None:
    machine = Machine()
    read(machine, gpu(0), gpu(1))
    for number in (1, 2):
        machine.submit(new(number, gpu_spec(4)))
        machine.started(number)
        step = machine.exited(number, 1)
        assert step.machine is not None
    assert machine.core.books.machine.failures[GPU].runs == (run_id(1), run_id(2))
    assert machine.again().core.books.machine == machine.core.books.machine


@pytest.mark.parametrize(("code", "signal"), [(1, None), (None, 11)])
def test_what_the_log_shows_is_the_reason(code: int | None, signal: int | None) -> None:
    cause = Reason(code="usage", text="The arguments are wrong.", data={"exit_code": 1})
    machine = Machine()
    machine.submit(new(1))
    machine.started(1)
    machine.exited(1, code, signal, cause=cause)
    over = ended(machine, 1)
    assert (over.outcome, over.reason, over.exit_code) == ("failed", cause, code)


def test_a_stop_and_a_success_have_their_own_reasons() -> None:
    cause = Reason(code="interrupted", text="It was interrupted.")
    machine = Machine()
    machine.submit(new(1), new(2))
    machine.started(1)
    machine.started(2)
    machine.stop(1)
    machine.exited(1, 1, cause=cause)
    machine.exited(2, 0, cause=cause)
    assert ended(machine, 1).reason.code == "stopped"
    assert ended(machine, 2).reason.code == "succeeded"


@pytest.mark.parametrize(
    ("problem", "code"),
    [("The driver hangs.", "cordon_unreadable"), ("Version mismatch.", "cordon_driver")],
)
def test_a_machine_without_a_gpu_that_can_be_used_says_why(problem: str, code: str) -> None:
    assert no_gpu(problem, 0).text == f"The machine's GPUs can't be used: {problem}"
    reason = no_gpu(problem, 4)
    assert (reason.code, reason.data["gpus"]) == (code, 4)
    assert reason.text == f"None of the machine's GPUs (4) can be used: {problem}"


def test_runs_wait_for_gpus_of_which_a_sick_driver_does_not_tell() -> None:
    machine = Machine()
    machine.handle(ReadingsTaken(problem="The driver was updated."))
    machine.submit(new(1, gpu_spec(4)))
    state = machine.state(1)
    assert isinstance(state, Queued)
    assert state.reason.text == (
        "The GPUs of this machine have not been read yet: The driver was updated."
    )
    assert state.reason.data == {"problem": "The driver was updated."}
    read(machine, gpu(0))
    assert isinstance(machine.state(1), Starting)


def test_a_machine_that_has_none_refuses_what_asks_for_one() -> None:
    machine = Machine()
    machine.handle(ReadingsTaken())
    with pytest.raises(LanherdError) as refused:
        machine.submit(new(1, gpu_spec(4)))
    assert refused.value.code is ErrorCode.IMPOSSIBLE_REQUEST
