"""Runs that hold more VRAM than they were promised, and the most that each was measured to hold."""

from msgspec.structs import replace

from lanherd_agent.core.events import RunUse
from lanherd_agent.core.run_states import Running, Stopping
from lanherd_agent.core.step import Step
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.states import Running as RunningView
from lanherd_protocol.values import Reason, RunSpec
from tests.simulation.making import GB, gpu, gpu_spec, new, readings, run_id
from tests.unit.core.machine import Machine, ended

MIB = 1024 * 1024


def running(spec: RunSpec | None = None, rules: MachineRules | None = None) -> Machine:
    machine = Machine()
    machine.core.books.owner_rules = rules or MachineRules()
    machine.handle(readings(gpu(0), gpu(1)))
    machine.submit(new(1, spec or gpu_spec(4)))
    machine.started(1)
    return machine


def measured(machine: Machine, gb: float, on: int = 0, run: int = 1) -> Step:
    machine.now += 1
    uses = (RunUse(run=run_id(run), vram_bytes=int(gb * GB)),)
    gpus = [replace(gpu(n), uses=uses if n == on else ()) for n in (0, 1)]
    return machine.handle(readings(*gpus))


def state_of(machine: Machine) -> Running:
    state = machine.state(1)
    assert isinstance(state, Running)
    return state


def warning_of(machine: Machine) -> Reason | None:
    return state_of(machine).warning


def test_two_readings_in_a_row_warn_and_one_takes_it_back() -> None:
    machine = running()
    measured(machine, 5)
    assert warning_of(machine) is None
    measured(machine, 3)
    measured(machine, 5)
    assert warning_of(machine) is None
    step = measured(machine, 5)
    warning = warning_of(machine)
    assert warning is not None and warning.code == "over_use"
    assert warning.text == "It holds 5 GB of GPU 0, and was promised 4."
    view = step.told[0].view.state
    assert isinstance(view, RunningView) and view.warning == warning
    assert measured(machine, 5.1).told == []
    assert measured(machine, 5.1).told == []
    measured(machine, 6)
    changed = warning_of(machine)
    assert changed is not None and changed.data["used_bytes"] == 6 * GB
    measured(machine, 4)
    assert warning_of(machine) is None


def test_a_little_above_is_no_excess() -> None:
    machine = running()
    for _ in range(3):
        measured(machine, 4 * 1.05 + 0.24)
    assert warning_of(machine) is None
    assert state_of(machine).vram_peak_bytes > 4 * GB


def test_a_gpu_that_it_was_not_given_counts_and_its_own_does_not() -> None:
    machine = running()
    measured(machine, 1, on=1)
    measured(machine, 1, on=1)
    warning = warning_of(machine)
    assert warning is not None and warning.data["promised_bytes"] == 0
    machine = running(gpu_spec(4, exclusive=True))
    measured(machine, 20)
    measured(machine, 20)
    assert warning_of(machine) is None


def test_a_peak_is_told_in_steps() -> None:
    machine = running()
    assert len(measured(machine, 0.1).told) == 1
    assert measured(machine, 0.2).told == []
    assert len(measured(machine, 0.5).told) == 1
    assert measured(machine, 0.4).told == []
    assert state_of(machine).vram_peak_bytes == GB // 2
    machine.exited(1)
    assert ended(machine, 1).vram_peak_bytes == GB // 2


def test_the_rule_may_stop_it() -> None:
    machine = running(rules=MachineRules(over_use="stop"))
    measured(machine, 6)
    assert isinstance(machine.state(1), Running)
    measured(machine, 6)
    state = machine.state(1)
    assert isinstance(state, Stopping) and state.asked and state.outcome == "failed"
    measured(machine, 6)
    machine.exited(1, signal=15)
    over = ended(machine, 1)
    assert (over.outcome, over.reason.code, over.vram_peak_bytes) == (
        "failed",
        "over_use_stopped",
        6 * GB,
    )


def test_unknown_runs_are_let_be() -> None:
    machine = running()
    assert measured(machine, 20, run=7).told == []
    assert GpuUuid("GPU-0") in {gpu.uuid for gpu in machine.core.books.readings or ()}


def test_a_warning_goes_with_what_was_held_also_after_a_restart() -> None:
    machine = running()
    measured(machine, 5)
    measured(machine, 5)
    again = machine.again()
    again.core.books.owner_rules = MachineRules()
    assert warning_of(again) is not None
    again.handle(readings(gpu(0), gpu(1)))
    assert warning_of(again) is None
    machine.exited(1)
    assert machine.handle(readings(gpu(0))).told == []


def test_an_instance_is_called_by_its_gpu() -> None:
    instance = replace(gpu(3), uuid=GpuUuid("MIG-0"), instance=0, profile="1g.5gb")
    spec = gpu_spec(1)
    machine = Machine()
    machine.handle(readings(instance))
    machine.submit(new(1, replace(spec, gpus=replace(spec.gpus, mig="1g.5gb", exclusive=False))))
    machine.started(1)
    lease = state_of(machine).lease
    shared = replace(lease, gpus=tuple(replace(one, exclusive=False) for one in lease.gpus))
    run = machine.run(1)
    run.state = replace(state_of(machine), lease=shared)
    uses = (RunUse(run=run_id(1), vram_bytes=5 * GB),)
    for _ in range(2):
        machine.handle(readings(replace(instance, uses=uses)))
    warning = warning_of(machine)
    assert warning is not None and warning.data["gpu"] == "3:0"
