"""One machine, kept connected: over a real connection in memory, with cuts where they hurt."""

import asyncio

import pytest
from msgspec.structs import replace

from lanherd_client.mirror import Connecting, LinkMoved, Online, Refused, SnapshotTaken, Unreachable
from lanherd_client.session import Session
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.messages import Empty, GetRun, NewRun, SubmitRuns
from lanherd_protocol.methods import AGENT_STATUS, RUNS_GET, RUNS_SUBMIT
from lanherd_protocol.states import Ended
from lanherd_protocol.values import RunSpec
from tests.support.scripted_agent import (
    MACHINE,
    Desk,
    ScriptedAgent,
    desk,
    ended,
    facts,
    queued,
    run_id,
    running,
    telemetry,
)

NO_ANSWER = error(ErrorCode.UNREACHABLE, "box doesn't answer.")
NOT_PAIRED = error(ErrorCode.NOT_PAIRED, "box doesn't know this device.")


async def until_online(one: Desk) -> None:
    await one.until(lambda: isinstance(one.session.link, Online))


async def until_lost(one: Desk) -> None:
    await one.until(lambda: isinstance(one.session.link, Unreachable | Refused))


async def test_connects_takes_a_snapshot_and_follows() -> None:
    agent = ScriptedAgent()
    agent.change(run_id(1), running())
    async with desk(agent) as one:
        assert one.session.settled.is_set()
        assert one.session.link == Online(100.0, "admin", "0.1.0", "memory", "tester")
        await one.until_mirrored()
        await one.until(lambda: len(agent.feeds) == 2)
        agent.change(run_id(2), queued())
        agent.change(run_id(1), ended())
        await one.until_mirrored()
        agent.sample(telemetry(20.0, 5))
        await one.until(lambda: one.mirror.history(MACHINE, "GPU-0")[-1].at == 20.0)
        assert agent.calls == ["machine.snapshot"]


async def test_resumes_behind_what_it_has_seen() -> None:
    agent = ScriptedAgent()
    agent.snapshot_runs_max = 1
    async with desk(agent) as one:
        agent.change(run_id(1), running())
        await one.until_mirrored()
        one.wire.cut()
        # While nobody listens, three runs come and end; a snapshot tells only of one.
        for number in (1, 2, 3):
            agent.change(run_id(number), ended())
        await until_lost(one)
        one.session.wake()
        await one.until_mirrored()
        assert "runs.get" not in agent.calls


async def test_a_gap_is_closed_with_a_snapshot_and_questions() -> None:
    agent = ScriptedAgent()
    async with desk(agent) as one:
        for number in (1, 2):
            agent.change(run_id(number), running())
        await one.until_mirrored()
        one.wire.cut()
        agent.change(run_id(1), ended())
        del agent.runs[run_id(2)]
        agent.change(run_id(3), queued())
        agent.forget_events()
        agent.snapshot_runs_max = 1
        await until_lost(one)
        one.session.wake()
        await one.until_mirrored()
        assert isinstance(one.mirror.run(MACHINE, run_id(1)).state, Ended)


async def test_a_log_that_began_anew_is_believed() -> None:
    agent = ScriptedAgent()
    async with desk(agent) as one:
        for number in range(5):
            agent.change(run_id(number), running())
        await one.until_mirrored()
        one.wire.cut()
        agent.begin_anew()
        agent.change(run_id(9), queued())
        await until_lost(one)
        one.session.wake()
        await one.until_mirrored()
        agent.change(run_id(9), running())
        await one.until_mirrored()


async def test_runs_that_a_snapshot_has_no_room_for_are_listed() -> None:
    agent = ScriptedAgent()
    agent.snapshot_runs_max = 2
    for number in range(6):
        agent.change(run_id(number), queued())
    async with desk(agent) as one:
        await one.until_mirrored()


async def test_other_gpus_than_known_make_it_ask_again_once() -> None:
    agent = ScriptedAgent()
    async with desk(agent) as one:
        await one.until(lambda: len(agent.feeds) == 2)
        agent.facts = facts(gpus=2)
        agent.sample(telemetry(20.0, gpus=2))
        await one.until(lambda: len(one.mirror.machines()[0].facts.gpus) == 2)
        agent.sample(telemetry(21.0, gpus=3))
        await one.until(lambda: agent.calls.count("machine.snapshot") == 3)
        agent.sample(telemetry(22.0, gpus=3))
        await one.until(lambda: one.mirror.history(MACHINE, "GPU-2")[-1].at == 22.0)
        assert agent.calls.count("machine.snapshot") == 3


async def test_a_machine_that_is_off_is_tried_again_and_again() -> None:
    agent = ScriptedAgent()
    async with desk(agent, started=False) as one:
        one.wire.refuse = NO_ANSWER
        await until_lost(one)
        since = one.session.link
        assert since == Unreachable(100.0, NO_ANSWER.failure)
        one.now = 200.0
        for _ in range(3):
            dials = one.wire.dials
            one.session.wake()
            await one.until(lambda before=dials: one.wire.dials > before)
        # Nothing new was to be said: it is off since then.
        assert one.session.link == since
        assert sum(isinstance(fact, LinkMoved) for fact in one.taken) == 1
        with pytest.raises(LanherdError, match="doesn't answer"):
            await one.session.ask(AGENT_STATUS, Empty())
        one.wire.refuse = None
        one.session.wake()
        await until_online(one)


async def test_another_reason_keeps_the_time_since_which_it_is_off() -> None:
    agent = ScriptedAgent()
    async with desk(agent, started=False) as one:
        one.wire.refuse = NO_ANSWER
        await until_lost(one)
        one.now = 200.0
        other = error(ErrorCode.TIMED_OUT, "box took too long.")
        one.wire.refuse = other
        one.session.wake()
        await one.until(lambda: one.session.link == Unreachable(100.0, other.failure))


async def test_a_machine_that_refuses_is_no_machine_that_is_off() -> None:
    agent = ScriptedAgent()
    async with desk(agent) as one:
        run = one.run(run_id(1))
        agent.change(run_id(1), running())
        await one.until_mirrored()
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(_failure_of(run.wait()))
            asking = tasks.create_task(
                _failure_of(one.session.insist(RUNS_GET, GetRun(run=run.id)))
            )
            await asking
            one.wire.refuse = NOT_PAIRED
            one.wire.cut()
            await one.until(lambda: one.session.link == Refused(100.0, NOT_PAIRED.failure))
            assert await waiting is ErrorCode.NOT_PAIRED
        with pytest.raises(LanherdError, match="doesn't know"):
            await one.session.insist(RUNS_GET, GetRun(run=run_id(1)))


async def _failure_of(question: object) -> ErrorCode | None:
    try:
        await question
    except LanherdError as problem:
        return problem.code
    return None


async def test_a_forgotten_machine_lets_nobody_wait() -> None:
    agent = ScriptedAgent()
    async with desk(agent) as one:
        agent.change(run_id(1), running())
        await one.until_mirrored()
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(_failure_of(one.run(run_id(1)).wait()))
            await asyncio.sleep(0)
            one.session.forget()
            assert await waiting is ErrorCode.NOT_FOUND


async def test_a_question_waits_for_the_first_try() -> None:
    agent = ScriptedAgent()
    agent.change(run_id(1), queued())
    async with desk(agent, started=False) as one:
        assert isinstance(one.session.link, Connecting)
        answer = await one.session.ask(RUNS_GET, GetRun(run=run_id(1)))
        assert answer.view == agent.runs[run_id(1)]


async def test_an_answer_that_was_cut_off_is_asked_for_again() -> None:
    agent = ScriptedAgent()
    async with desk(agent) as one:
        one.session.wake()

        def cut_the_first(method: str, count: int) -> None:
            if method == "runs.submit" and count <= 2:
                one.wire.cut()
                one.session.wake()

        agent.before_answer = cut_the_first
        spec = RunSpec(command=("true",))
        request = SubmitRuns(runs=(NewRun(run=run_id(7), spec=spec),))
        taken = await one.session.insist(RUNS_SUBMIT, request)
        assert agent.calls.count("runs.submit") == 3
        assert taken.runs == (replace(agent.runs[run_id(7)], seq=0),)
        assert list(agent.runs) == [run_id(7)]


async def test_a_refusal_is_not_asked_again() -> None:
    agent = ScriptedAgent()
    async with desk(agent) as one:
        with pytest.raises(LanherdError, match="no such run"):
            await one.session.insist(RUNS_GET, GetRun(run=run_id(1)))
        assert agent.calls.count("runs.get") == 1


async def test_the_agents_own_words_are_told_when_it_leaves() -> None:
    agent = ScriptedAgent()
    async with desk(agent) as one:
        await one.until(lambda: len(agent.feeds) == 2)
        one.wire.refuse = NO_ANSWER
        leaving = error(ErrorCode.SHUTTING_DOWN, "box shuts down.").failure
        for feed in list(agent.feeds):
            feed.end(leaving)
        await until_lost(one)
        assert LinkMoved(MACHINE, Unreachable(100.0, leaving)) in one.taken


async def test_a_feed_that_ends_without_a_reason_is_a_lost_connection() -> None:
    agent = ScriptedAgent()
    async with desk(agent) as one:
        await one.until(lambda: len(agent.feeds) == 2)
        one.wire.refuse = NO_ANSWER
        for feed in list(agent.feeds):
            feed.end()
        await until_lost(one)
        lost = next(fact.link for fact in one.taken if _is_lost(fact))
        assert lost.failure.code is ErrorCode.CONNECTION_LOST


def _is_lost(fact: object) -> bool:
    return isinstance(fact, LinkMoved) and isinstance(fact.link, Unreachable)


async def test_a_snapshot_that_fails_is_no_connection() -> None:
    agent = ScriptedAgent()
    problem = error(ErrorCode.STORE_FAILED, "The store is broken.")

    def fail(method: str, count: int) -> None:
        raise problem

    agent.before_answer = fail
    async with desk(agent, started=False) as one:
        await until_lost(one)
        assert one.session.link == Unreachable(100.0, problem.failure)
        assert not any(isinstance(fact, SnapshotTaken) for fact in one.taken)


async def test_each_pause_is_longer_than_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def pause(session: Session, pause_s: float) -> None:
        pauses.append(pause_s)
        if len(pauses) == 9:
            await asyncio.Event().wait()

    monkeypatch.setattr(Session, "_pause", pause)
    async with desk(ScriptedAgent(), started=False) as one:
        one.wire.refuse = NO_ANSWER
        await one.until(lambda: len(pauses) == 9)
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


async def test_agent_upgraded_in_between_shows_its_new_facts() -> None:
    agent = ScriptedAgent()
    async with desk(agent) as one:
        agent.facts = replace(facts(), version="0.2.0")
        one.wire.cut()
        await until_lost(one)
        one.session.wake()
        await one.until(lambda: one.mirror.machines()[0].facts.version == "0.2.0")
