"""What may change of a run at any time, what is done with its files, and the same answer twice."""

from typing import Any

import pytest
from msgspec import msgpack
from msgspec.structs import replace

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.core.core import AgentCore
from lanherd_agent.core.run_states import Queued, Starting
from lanherd_agent.core.step import Command, Kept
from lanherd_protocol import limits
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.states import Ended
from lanherd_protocol.values import RunSettings
from tests.simulation.making import (
    NOW,
    PLAIN,
    after,
    change,
    command_id,
    gpu,
    gpu_spec,
    new,
    readings,
    remove_files,
    restart,
    run_id,
    stop,
    tried,
)
from tests.unit.core.machine import Machine, ended, kinds


def over() -> Machine:
    """Run 1 has ended."""
    machine = Machine()
    machine.submit(new(1))
    machine.started(1)
    machine.exited(1)
    return machine


def refused(machine: Machine, event: e.Event) -> ErrorCode:
    with pytest.raises(LanherdError) as refusal:
        machine.handle(event)
    assert refusal.value.failure.remedy
    return refusal.value.code


# --- Settings ------------------------------------------------------------------------------------


def test_settings_change_one_by_one() -> None:
    machine = Machine()
    machine.submit(new(1, gpu_spec(1)))
    machine.change(1, tags=("a", "b"))
    machine.change(1, command=2, notes="So.")
    step = machine.change(1, command=3, pinned=True)
    wanted = RunSettings(tags=("a", "b"), notes="So.", pinned=True)
    assert step.reply[0].settings == machine.run(1).settings == wanted
    assert step.told[0].view.settings == wanted and step.effects == []
    assert machine.run(1).first_settings == RunSettings()
    assert machine.change(1, command=4, pinned=True).told == []


@pytest.mark.parametrize(
    "settings",
    [
        {"priority": limits.PRIORITY_MAX + 1},
        {"priority": -limits.PRIORITY_MAX - 1},
        {"tags": ("",)},
        {"tags": (" a",)},
        {"tags": ("a\nb",)},
        {"tags": ("a", "a")},
        {"tags": ("a" * (limits.TAG_CHARS_MAX + 1),)},
        {"tags": tuple(f"t{n}" for n in range(limits.TAGS_PER_RUN_MAX + 1))},
        {"notes": "n" * (limits.NOTES_CHARS_MAX + 1)},
    ],
)
def test_settings_out_of_bounds_are_refused(settings: dict[str, Any]) -> None:
    machine = Machine()
    machine.submit(new(1))
    event = e.ChangeRequested(owner=None, request=change(1, **settings))
    assert refused(machine, event) is ErrorCode.INVALID_REQUEST
    first = new(2, PLAIN, replace(RunSettings(), **settings))
    submit = e.RunsSubmitted(owner="ann", runs=(first,))
    assert refused(machine, submit) is ErrorCode.INVALID_REQUEST


def test_settings_of_what_was_begun_are_noted_beside_it() -> None:
    machine = Machine()
    machine.submit(new(1))
    step = machine.change(1, notes="a")
    assert step.effects == [f.NoteSettings(run=run_id(1), settings=RunSettings(notes="a"))]
    step = machine.change(1, command=2, notes="b")
    newer = RunSettings(notes="b")
    assert step.effects == [f.NoteSettings(run=run_id(1), settings=newer)]
    noted = e.SettingsNoted(run=run_id(1), settings=RunSettings(notes="a"))
    assert machine.handle(noted).effects_ended == []
    noted = e.SettingsNoted(run=run_id(1), settings=newer)
    assert machine.handle(noted).effects_ended == [f"note_settings:{run_id(1)}"]
    assert machine.handle(noted).effects_ended == []
    machine.change(1, command=3, notes="c")
    unsaid = e.SettingsNoted(run=run_id(1))
    assert machine.handle(unsaid).effects_ended == [f"note_settings:{run_id(1)}"]


def test_settings_of_an_ended_run_change_too() -> None:
    machine = over()
    assert kinds(machine.change(1, pinned=True).effects) == ["NoteSettings"]
    assert isinstance(machine.state(1), Ended)
    machine = Machine()
    machine.submit(new(1, gpu_spec(1)))
    machine.stop(1)
    assert machine.change(1, command=2, notes="never ran").effects == []


def test_settings_of_a_run_in_its_backoff_are_noted() -> None:
    machine = Machine()
    machine.submit(new(1, tried()))
    machine.exited(1, 1)
    step = machine.change(1, priority=3)
    assert kinds(step.effects) == ["NoteSettings"]
    assert isinstance(machine.state(1), Queued)


def test_only_the_owner_may_change() -> None:
    machine = over()
    for event in (
        e.ChangeRequested(owner="bob", request=change(1)),
        e.FilesRemovalRequested(owner="bob", request=remove_files(1)),
        e.RestartRequested(owner="bob", caller="bob", request=restart(1, 2)),
    ):
        assert refused(machine, event) is ErrorCode.NOT_ALLOWED


def test_unknown_runs() -> None:
    for event in (
        e.ChangeRequested(owner=None, request=change(1)),
        e.FilesRemovalRequested(owner=None, request=remove_files(1)),
        e.RestartRequested(owner=None, caller="ann", request=restart(1, 2)),
    ):
        assert refused(Machine(), event) is ErrorCode.NOT_FOUND


# --- The same answer -----------------------------------------------------------------------------


def test_every_command_sent_again_has_the_very_same_answer() -> None:
    machine = Machine()
    machine.submit(new(1), new(2))
    machine.started(1)
    machine.exited(2)
    events: list[e.Event] = [
        e.StopRequested(owner="ann", request=stop(1, 1, 5, "INT")),
        e.ChangeRequested(owner="ann", request=change(1, 2, priority=4, tags=("x",))),
        e.FilesRemovalRequested(owner="ann", request=remove_files(2, 3)),
    ]
    first = [msgpack.encode(machine.handle(event).reply) for event in events]
    machine.exited(1, None, 2)
    machine.handle(e.FilesRemoved(run=run_id(2), at=NOW))
    for core in (machine, machine.again()):
        core.now += 1000
        steps = [core.handle(event) for event in events]
        assert [msgpack.encode(step.reply) for step in steps] == first
        assert not any(step.told or step.effects for step in steps)
        assert all(step.command is None for step in steps)


def test_a_command_id_means_one_thing() -> None:
    machine = over()
    machine.change(1, notes="a")
    others: tuple[e.Event, ...] = (
        e.ChangeRequested(owner=None, request=change(1, notes="b")),
        e.StopRequested(owner=None, request=stop(1)),
        e.FilesRemovalRequested(owner=None, request=remove_files(1)),
    )
    for other in others:
        assert refused(machine, other) is ErrorCode.CONFLICT
    event = e.ChangeRequested(owner="bob", request=change(1, notes="a"))
    assert refused(machine, event) is ErrorCode.NOT_ALLOWED


def test_a_stop_that_an_older_agent_remembered_is_known_again() -> None:
    old = Command(command_id(1), run_id(1), 5.0, NOW)
    record = over().run(1).record()
    machine = Machine(core=AgentCore(Kept(runs=[record], commands=[old], seq=9, ordinal=1)))
    step = machine.stop(1, grace_s=5)
    assert step.told == [] and isinstance(step.reply[0].state, Ended)
    assert machine.stop(1, grace_s=5).reply == step.reply
    old = Command(command_id(2), run_id(1), 5.0, NOW)
    machine = Machine(core=AgentCore(Kept(runs=[record], commands=[old], seq=9, ordinal=1)))
    for event in (
        e.StopRequested(owner=None, request=stop(1, 2, 5, "INT")),
        e.ChangeRequested(owner=None, request=change(1, 2)),
    ):
        assert refused(machine, event) is ErrorCode.CONFLICT


def test_other_settings_are_another_submit() -> None:
    machine = Machine()
    machine.submit(new(1))
    machine.change(1, notes="changed meanwhile")
    assert machine.submit(new(1)).reply[0].settings == RunSettings()
    other = e.RunsSubmitted(owner="ann", runs=(new(1, PLAIN, RunSettings(notes="x")),))
    assert refused(machine, other) is ErrorCode.CONFLICT


# --- Restart -------------------------------------------------------------------------------------


def test_a_restart_is_a_new_run_of_the_same_spec() -> None:
    machine = Machine()
    machine.submit(new(1, after(spec=gpu_spec())), new(2))
    machine.handle(readings(gpu(0)))
    settings = RunSettings(priority=5, tags=("a",), notes="n")
    machine.submit(new(3, after(2), replace(settings, held=True, pinned=True)))
    step = machine.restart(3, 4)
    spec = machine.run(4).spec
    assert spec == replace(PLAIN, restart_of=run_id(3))
    assert step.reply[0].settings == machine.run(4).settings == settings
    assert isinstance(machine.state(4), Starting)
    machine.exited(4)
    again = machine.restart(3, 4)
    assert again.reply == step.reply and not (again.told or again.effects)
    assert machine.submit(new(4, spec, settings)).reply == step.reply


def test_a_restart_under_an_id_that_is_taken_is_refused() -> None:
    machine = Machine()
    machine.submit(new(1), new(2))
    machine.restart(1, 3)
    for event in (
        e.RestartRequested(owner=None, caller="ann", request=restart(1, 2)),
        e.RestartRequested(owner=None, caller="ann", request=restart(1, 1)),
        e.RestartRequested(owner=None, caller="bob", request=restart(1, 3)),
        e.RestartRequested(owner=None, caller="ann", request=restart(2, 3)),
    ):
        assert refused(machine, event) is ErrorCode.CONFLICT


def test_a_restart_asks_for_what_the_machine_has_now() -> None:
    machine = Machine()
    machine.submit(new(1, gpu_spec(40)))
    machine.handle(readings(gpu(0)))
    event = e.RestartRequested(owner=None, caller="ann", request=restart(1, 2))
    assert refused(machine, event) is ErrorCode.IMPOSSIBLE_REQUEST


# --- Files ---------------------------------------------------------------------------------------


def test_the_files_of_an_ended_run_are_removed_once() -> None:
    machine = over()
    step = machine.remove_files(1)
    assert kinds(step.effects) == ["RemoveFiles"]
    assert step.reply[0].files_removed_at is None
    assert machine.remove_files(1, command=2).effects == []
    removed = e.FilesRemoved(run=run_id(1), at=NOW + 3)
    step = machine.handle(removed)
    assert step.effects_ended == [f"remove_files:{run_id(1)}"]
    assert step.told[0].view.files_removed_at == NOW + 3
    assert machine.handle(removed).told == []
    step = machine.remove_files(1, command=3)
    assert step.effects == [] and step.reply[0].files_removed_at == NOW + 3
    assert machine.change(1, command=4, notes="late").effects == []
    assert isinstance(machine.restart(1, 2).reply[0].settings, RunSettings)


def test_what_could_not_be_removed_stays() -> None:
    machine = over()
    machine.remove_files(1)
    step = machine.handle(e.FilesRemoved(run=run_id(1), at=NOW, problem="It is busy."))
    assert step.effects_ended and step.told == []
    assert kinds(machine.remove_files(1, command=2).effects) == ["RemoveFiles"]


def test_live_and_pinned_runs_keep_their_files() -> None:
    machine = Machine()
    machine.submit(new(1), new(2), new(3))
    machine.exited(2)
    machine.change(2, pinned=True)
    for number in (1, 2):
        event = e.FilesRemovalRequested(owner=None, request=remove_files(number, 9))
        assert refused(machine, event) is ErrorCode.CONFLICT
    machine.exited(3)
    due = e.FilesRemovalDue(runs=(run_id(1), run_id(2), run_id(3), run_id(99)))
    step = machine.handle(due)
    assert [effect.id for effect in step.effects] == [f"remove_files:{run_id(3)}"]
    assert machine.handle(due).effects == []
    machine.handle(e.FilesRemoved(run=run_id(3), at=NOW))
    assert machine.handle(due).effects == []


def test_a_run_that_is_losing_its_files_can_not_be_pinned() -> None:
    machine = over()
    machine.remove_files(1)
    event = e.ChangeRequested(owner=None, request=change(1, 2, pinned=True))
    assert refused(machine, event) is ErrorCode.CONFLICT


def test_events_name_the_runs_that_only_the_store_may_know() -> None:
    machine = over()
    record = machine.run(1).record()
    machine.core.forget([run_id(1)])
    core = machine.core
    for event in (
        e.ChangeRequested(owner=None, request=change(1)),
        e.FilesRemovalRequested(owner=None, request=remove_files(1)),
        e.RestartRequested(owner=None, caller="ann", request=restart(1, 2)),
        e.FilesRemovalDue(runs=(run_id(1), run_id(5))),
        e.FilesRemoved(run=run_id(1), at=NOW),
    ):
        assert core.strangers(event) == [run_id(1)]
    assert machine.handle(e.FilesRemoved(run=run_id(1), at=NOW)).told == []
    core.recall([record])
    assert len(machine.handle(e.FilesRemoved(run=run_id(1), at=NOW)).told) == 1
    assert ended(machine, 1).outcome == "succeeded"
