"""What people close and open of a machine."""

import pytest
from msgspec.structs import replace

from lanherd_agent.core import events as e
from lanherd_agent.core.machine_state import Cordon, Failures, MachineState, Pause
from lanherd_agent.core.step import MachineRequest, Step
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.machine_messages import CordonGpu, PauseQueue, ResumeQueue, UncordonGpu
from lanherd_protocol.values import Reason
from tests.simulation.making import NOW, command_id, gpu, new, readings, run_id
from tests.unit.core.machine import Machine

COMMAND = command_id(1)


def machine_of_two() -> Machine:
    machine = Machine()
    machine.handle(readings(gpu(0), gpu(1)))
    return machine


def ask(machine: Machine, request: MachineRequest, by: str = "ann") -> Step:
    return machine.handle(e.MachineRequested(by=by, request=request))


def state(machine: Machine) -> MachineState:
    return machine.core.books.machine


@pytest.mark.parametrize("name", ["1", "GPU-1"])
def test_a_gpu_is_closed_and_opened(name: str) -> None:
    machine = machine_of_two()
    step = ask(machine, CordonGpu(command=COMMAND, gpu=name, why="Loud fan"))
    assert step.machine is not None and step.machine.cordons.keys() == {"GPU-1"}
    cordon = state(machine).cordons[GpuUuid("GPU-1")]
    assert (cordon.by, cordon.since, cordon.heals) == ("ann", NOW, False)
    assert cordon.reason.text == "ann closed it: Loud fan"
    machine.handle(readings(gpu(0), gpu(1)))
    assert state(machine).cordons
    ask(machine, UncordonGpu(command=command_id(2), gpu=name))
    assert state(machine) == MachineState()


def test_the_same_command_is_done_once() -> None:
    machine = machine_of_two()
    request = CordonGpu(command=COMMAND, gpu="0")
    step = ask(machine, request)
    assert step.command is not None and step.command.run == ""
    ask(machine, UncordonGpu(command=command_id(2), gpu="0"))
    again = ask(machine.again(), request)
    assert again.command is None and again.machine is None
    assert ask(machine, request).machine is None
    with pytest.raises(LanherdError) as refused:
        ask(machine, PauseQueue(command=COMMAND))
    assert refused.value.code is ErrorCode.CONFLICT


def test_what_is_not_there_is_not_found() -> None:
    machine = machine_of_two()
    with pytest.raises(LanherdError) as refused:
        ask(machine, CordonGpu(command=COMMAND, gpu="7"))
    assert refused.value.code is ErrorCode.NOT_FOUND and "0, 1" in str(refused.value.failure)
    with pytest.raises(LanherdError) as refused:
        ask(Machine(), CordonGpu(command=COMMAND, gpu="0"))
    assert "none" in refused.value.failure.message


def test_a_number_means_all_instances_of_a_gpu() -> None:
    machine = Machine()
    instances = [replace(gpu(0), uuid=GpuUuid(f"MIG-{n}"), instance=n) for n in (0, 1)]
    machine.handle(readings(*instances))
    ask(machine, CordonGpu(command=COMMAND, gpu="0:1"))
    assert state(machine).cordons.keys() == {"MIG-1"}
    ask(machine, CordonGpu(command=command_id(2), gpu="0"))
    assert state(machine).cordons.keys() == {"MIG-0", "MIG-1"}


def test_one_that_is_away_is_opened_by_its_uuid_and_its_failures_forgotten() -> None:
    away = GpuUuid("GPU-9")
    cordon = Cordon(reason=Reason(code="cordon_failures", text="It failed."), since=NOW)
    failed = {away: Failures(runs=(run_id(1),), last_at=NOW)}
    machine = machine_of_two()
    machine.core.books.machine = MachineState(cordons={away: cordon}, failures=failed)
    ask(machine, UncordonGpu(command=COMMAND, gpu=away))
    assert state(machine) == MachineState()


def test_the_line_is_paused_and_resumed() -> None:
    machine = machine_of_two()
    ask(machine, PauseQueue(command=COMMAND, note="Moving house"))
    paused = Pause(since=NOW, by="ann", note="Moving house")
    assert state(machine).pause == paused
    machine.now += 5
    step = ask(machine, PauseQueue(command=command_id(2)), by="bob")
    assert step.machine is None and state(machine).pause == paused
    assert state(machine.again()).pause == paused
    ask(machine, ResumeQueue(command=command_id(3)))
    assert state(machine).pause is None


def test_a_tag_is_paused_by_itself() -> None:
    machine = machine_of_two()
    ask(machine, PauseQueue(command=COMMAND, tag="night"))
    ask(machine, PauseQueue(command=command_id(2), tag="sweep"))
    machine.now += 5
    ask(machine, PauseQueue(command=command_id(3), tag="night"))
    assert {tag: pause.since for tag, pause in state(machine).paused_tags.items()} == {
        "night": NOW,
        "sweep": NOW,
    }
    ask(machine, ResumeQueue(command=command_id(4), tag="night"))
    assert state(machine).pause is None and state(machine).paused_tags.keys() == {"sweep"}


@pytest.mark.parametrize(
    "request_",
    [
        CordonGpu(command=COMMAND, gpu="0", why="x" * 100_000),
        PauseQueue(command=COMMAND, note="x" * 100_000),
        PauseQueue(command=COMMAND, tag="x" * 1_000),
    ],
)
def test_words_are_held_to_the_bounds_of_a_runs(request_: MachineRequest) -> None:
    machine = machine_of_two()
    with pytest.raises(LanherdError) as refused:
        ask(machine, request_)
    assert refused.value.code is ErrorCode.INVALID_REQUEST
    assert state(machine) == MachineState()


def test_the_line_is_looked_at_anew() -> None:
    machine = machine_of_two()
    machine.submit(new(1))
    assert ask(machine, PauseQueue(command=COMMAND)).reply == ()
