"""What an older agent has written can still be read."""

from msgspec import msgpack
from msgspec.structs import replace

from lanherd_agent.core.effects import Durable, SignalAttempt, StartAttempt
from lanherd_agent.core.run_states import Queued, Run, Running, RunRecord, Starting, Stopping, view
from lanherd_agent.core.step import Command
from lanherd_agent.core.taken import taken
from lanherd_protocol.states import Ended
from lanherd_protocol.values import Reason, RunSettings, RunSpec
from tests.simulation.making import NOW, PLAIN, command_id, gpu_spec, new, run_id, tried
from tests.unit.core.machine import Machine

SPEC = {
    "command": ["true"],
    "name": "",
    "project": "",
    "snapshot": None,
    "environment": {"type": "none"},
    "gpus": {"count": 0, "vram_bytes": 0, "exclusive": False},
    "variables": {},
}
REASON = {"code": "in_line", "text": "Waits.", "data": {}, "remedy": ""}


def old(state: dict[str, object]) -> RunRecord:
    """A record of the agent before this one, which had eight fields."""
    body = msgpack.encode([4, run_id(1), SPEC, "ann", NOW, state, 9, 1])
    return msgpack.decode(body, type=RunRecord)


def test_a_run_as_the_previous_agent_wrote_it() -> None:
    record = old({"type": "queued", "since": NOW, "reason": REASON, "prepared": None})
    state = record.state
    assert isinstance(state, Queued)
    assert (state.not_before, state.waits_for) == (None, ())
    assert record.spec == RunSpec(command=("true",))
    assert record.settings == record.first_settings == RunSettings()
    assert record.earlier == () and record.files_removed_at is None
    assert Run(record).record() == replace(record, line_ns=round(NOW * 1e9))
    assert view(record).settings == RunSettings()


def test_live_states_as_the_previous_agent_wrote_them() -> None:
    lease: dict[str, object] = {"gpus": []}
    wish = {"grace_s": 5.0, "reason": REASON}
    starting = old({"type": "starting", "since": NOW, "lease": lease, "stop": wish}).state
    assert isinstance(starting, Starting) and starting.stop is not None
    assert starting.stop.signal == 15
    running = old({"type": "running", "since": NOW, "pid": 7, "lease": lease}).state
    assert isinstance(running, Running) and running.limit_at is None
    stopping = old(
        {
            "type": "stopping",
            "since": NOW,
            "started_at": NOW,
            "pid": 7,
            "lease": lease,
            "kill_at": NOW + 1,
            "outcome": "cancelled",
            "reason": REASON,
        }
    ).state
    assert isinstance(stopping, Stopping) and stopping.asked and stopping.signal == 15


def test_effects_and_commands_as_the_previous_agent_wrote_them() -> None:
    signal = {"type": "signal", "run": run_id(1), "attempt": 1, "signal": 15}
    assert msgpack.decode(msgpack.encode(signal), type=Durable) == SignalAttempt(
        run=run_id(1), attempt=1, signal=15
    )
    start = {
        "type": "start",
        "run": run_id(1),
        "attempt": 1,
        "spec": SPEC,
        "lease": {"gpus": []},
        "prepared": None,
    }
    decoded = msgpack.decode(msgpack.encode(start), type=Durable)
    assert isinstance(decoded, StartAttempt) and decoded.settings == RunSettings()
    command = msgpack.decode(msgpack.encode([command_id(1), run_id(1), 5.0, NOW]), type=Command)
    assert (command.body_hash, command.reply) == ("", None)


def test_what_this_agent_writes_it_reads_again() -> None:
    machine = Machine()
    machine.submit(new(1, tried(3), RunSettings(tags=("a",))), new(2, gpu_spec(1)))
    machine.started(1)
    machine.exited(1, 1)
    step = machine.change(1, notes="n")
    for number in (1, 2):
        record = machine.run(number).record()
        again = msgpack.decode(msgpack.encode(record), type=RunRecord)
        assert again == record and taken(again) == taken(machine.run(number))
    assert step.command is not None
    assert msgpack.decode(msgpack.encode(step.command), type=Command) == step.command


def test_a_finished_run_is_small() -> None:
    machine = Machine()
    machine.submit(new(1))
    machine.started(1)
    machine.exited(1)
    record = machine.run(1).record()
    assert isinstance(record.state, Ended)
    assert len(msgpack.encode(record)) < 2048
    assert Reason(code="a", text="A.") != record.state.reason and record.spec == PLAIN
