"""Changes of a run: each done once, however often the line is cut."""

import pytest

from lanherd_client.run import Run
from lanherd_protocol import messages as m
from lanherd_protocol.errors import ErrorCode, LanherdError, NotFoundError
from lanherd_protocol.states import Ended, Running
from lanherd_protocol.values import RunSettings, RunSpec, StopRule
from tests.support.scripted_agent import Desk, ScriptedAgent, desk, ended, queued, run_id, running

RUN = run_id(1)
SPEC = RunSpec(command=("true",), stop=StopRule(signal="INT", grace_s=99.0))


def waiting() -> ScriptedAgent:
    agent = ScriptedAgent()
    agent.change(RUN, queued(), SPEC)
    return agent


def cut_answers(one: Desk, cuts: int) -> None:
    """The first answers to each kind of change are lost on their way."""

    def cut(method: str, count: int) -> None:
        if method.startswith("runs.") and method != "runs.get" and count <= cuts:
            one.wire.cut()
            one.session.wake()

    one.agent.before_answer = cut


async def test_a_stop_is_the_runs_own_unless_it_is_said() -> None:
    async with desk(waiting()) as one:
        run = one.run(RUN)
        await run.stop()
        await run.stop("1m", signal="sigkill")
        await run.stop(0)
        said = [(r.grace_s, r.signal) for r in one.agent.changes if isinstance(r, m.StopRun)]
        assert said == [(99.0, None), (60.0, "KILL"), (0.0, None)]
        with pytest.raises(LanherdError, match="one of a few signals"):
            await run.stop(signal="STOP")


async def test_a_run_that_is_not_mirrored_is_asked_how_it_ends() -> None:
    agent = ScriptedAgent()
    async with desk(agent) as one:
        await one.until(lambda: len(agent.feeds) == 2)
        agent.feeds.clear()
        agent.change(RUN, running(), SPEC)
        await one.run(RUN).stop()
        assert isinstance(one.agent.changes[0], m.StopRun)
        assert one.agent.changes[0].grace_s == 99.0
        with pytest.raises(NotFoundError):
            await one.run(run_id(5)).stop()


async def test_settings_change_one_by_one_and_together() -> None:
    async with desk(waiting()) as one:
        run = one.run(RUN)
        assert (await run.hold()).settings.held
        assert not (await run.release()).settings.held
        assert (await run.set_priority(7)).settings.priority == 7
        assert (await run.pin()).settings.pinned
        assert (await run.note("A remark.")).settings.notes == "A remark."
        assert (await run.tag("a", "b", "a")).settings.tags == ("a", "b")
        assert (await run.untag("a", "z")).settings.tags == ("b",)
        assert (await run.retag(add=["c"], remove="b")).settings.tags == ("c",)
        assert not (await run.unpin()).settings.pinned
        view = await run.change(priority=1, held=True, tags=(), notes="", pinned=False)
        assert view.settings == RunSettings(priority=1, held=True)
        await one.until_mirrored()
        assert run.view == view


async def test_a_tag_that_another_controller_set_is_not_lost() -> None:
    agent = waiting()
    async with desk(agent) as one:
        await one.until_mirrored()
        agent.feeds.clear()
        agent.change(RUN, queued(), settings=RunSettings(tags=("theirs",)))
        assert (await one.run(RUN).tag("mine")).settings.tags == ("theirs", "mine")


@pytest.mark.parametrize("verb", ["stop", "hold", "remove_files"])
async def test_a_change_that_is_cut_off_is_sent_again_and_done_once(verb: str) -> None:
    agent = waiting()
    async with desk(agent) as one:
        cut_answers(one, 2)
        seq = agent.seq
        await getattr(one.run(RUN), verb)()
        assert len(one.agent.changes) == 3
        assert one.agent.changes[0] == one.agent.changes[1] == one.agent.changes[2]
        assert agent.seq == seq + 1
        await one.until_mirrored()


async def test_two_changes_are_two_commands() -> None:
    async with desk(waiting()) as one:
        run = one.run(RUN)
        await run.hold()
        await run.hold()
        first, second = one.agent.changes
        assert isinstance(first, m.ChangeRun)
        assert isinstance(second, m.ChangeRun)
        assert first.command != second.command


async def test_a_restart_is_a_new_run_also_through_a_cut() -> None:
    agent = waiting()
    async with desk(agent) as one:
        cut_answers(one, 1)
        again = await one.run(RUN).restart()
        assert isinstance(again, Run)
        assert again.id != RUN
        assert len(one.agent.changes) == 2
        assert list(agent.runs) == [RUN, again.id]
        assert agent.runs[again.id].spec.restart_of == RUN
        # Nothing of it may be told any more by itself: so it was asked for after the cut.
        assert again.view == agent.runs[again.id]
        named = await again.restart(run_id(500))
        assert named.id == run_id(500)
        assert named.view == agent.runs[named.id]


async def test_files_of_a_pinned_run_stay() -> None:
    agent = ScriptedAgent()
    agent.change(RUN, ended(), settings=RunSettings(pinned=True))
    async with desk(agent) as one:
        run = one.run(RUN)
        with pytest.raises(LanherdError, match="Unpin it first") as caught:
            await run.remove_files()
        assert caught.value.code is ErrorCode.CONFLICT
        await run.unpin()
        assert (await run.remove_files()).files_removed_at == 9.0
        await one.until_mirrored()
        assert run.view is not None
        assert run.view.files_removed_at == 9.0


async def test_attempts_are_told_and_waited_for() -> None:
    agent = ScriptedAgent()
    agent.change(RUN, running())
    async with desk(agent) as one:
        run = one.run(RUN)
        assert await run.attempts() == ()
        agent.retry(RUN, queued())
        view = await run.wait_attempt(1)
        assert view.attempt == 2
        agent.change(RUN, running())
        assert isinstance((await run.wait_started()).state, Running)
        agent.change(RUN, ended())
        view = await run.wait_attempt(2)
        assert isinstance(view.state, Ended)
        ends = await run.attempts()
        assert [(end.attempt, end.outcome) for end in ends] == [(1, "failed"), (2, "succeeded")]
