from dataclasses import replace as replace_record

import pytest
from msgspec.structs import replace

from lanherd_client.finding import find_run, matching
from lanherd_client.mirror import MachineView, Online, RunRecord, Unreachable
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.states import RunState, RunView
from lanherd_protocol.values import RunSpec
from tests.support.scripted_agent import (
    MACHINE,
    Desk,
    ScriptedAgent,
    desk,
    ended,
    queued,
    run_id,
    running,
)

BOX = MachineView(MACHINE, "box", Online(1.0, "admin", "0.1.0", "10.0.0.1"))
OFF = MachineView(MACHINE, "box", Unreachable(1.0, error(ErrorCode.UNREACHABLE, "Off.").failure))


def record(number: int, name: str = "") -> RunRecord:
    view = RunView(
        run=run_id(number),
        spec=RunSpec(command=("true",), name=name),
        owner="me",
        submitted_at=1.0,
        state=queued(),
        seq=1,
    )
    return RunRecord(MACHINE, view)


def test_an_id_before_a_name_before_a_part() -> None:
    first, second = record(0xABC, "train"), record(0xBBC, "0abc")
    both = [first, second]
    assert matching(first.view.run, both) == [first]
    assert matching("00000abc", both) == [first]
    assert matching("0abc", both) == [second]
    assert matching("0bbc", both) == [second]
    assert matching("0192", both) == both
    assert matching("train", both) == [first]
    assert matching("nothing", both) == []


def test_a_few_characters_are_a_name_and_never_the_end_of_an_id() -> None:
    named, other = record(1, "f7"), record(0xF7)
    assert matching("f7", [named, other]) == [named]
    assert matching("f7", [other]) == []


def test_what_is_shown_as_the_id_of_one_and_is_the_name_of_another_may_mean_both() -> None:
    first, second = record(0xABC), record(0xBBC, "00000abc")
    assert matching("00000abc", [first, second]) == [first, second]


async def test_a_name_on_a_later_page_comes_before_a_part_on_an_earlier_one() -> None:
    agent = ScriptedAgent()
    agent.snapshot_runs_max = 0
    for number in range(1500):
        agent.runs[run_id(number)] = agent.change(run_id(number), ended())
    spec = RunSpec(command=("true",), name="0577")
    agent.runs[run_id(1)] = replace(agent.runs[run_id(1)], spec=spec)
    async with desk(agent) as one:
        assert (await find(one, "0577")).view.run == run_id(1)


async def find(one: Desk, text: str, *known: RunRecord) -> RunRecord:
    return await find_run(text, known, [BOX], {MACHINE: one.session})


async def test_what_is_known_is_not_asked_for() -> None:
    agent = ScriptedAgent()
    async with desk(agent) as one:
        assert await find(one, "00000001", record(1)) == record(1)
        assert "runs.list" not in agent.calls


async def test_an_older_run_is_looked_for_on_its_machine() -> None:
    agent = ScriptedAgent()
    agent.snapshot_runs_max = 0
    for number in range(2500):
        agent.runs[run_id(number)] = agent.change(run_id(number), ended())
    async with desk(agent) as one:
        found = await find(one, "00000003")
        assert found == RunRecord(MACHINE, agent.runs[run_id(3)])
        assert (await find(one, run_id(7))).view.run == run_id(7)
        with pytest.raises(LanherdError, match="There is no run") as caught:
            await find(one, run_id(99_999))
        assert caught.value.code is ErrorCode.NOT_FOUND


async def test_what_may_mean_several_is_asked_back() -> None:
    async with desk(ScriptedAgent()) as one:
        with pytest.raises(LanherdError, match="'0192' may mean 7 runs") as caught:
            await find(one, "0192", *map(record, range(7)))
        assert caught.value.code is ErrorCode.CONFLICT
        message = caught.value.failure.message
        assert "newest first: 00000006 on box (waiting), " in message
        assert "00000002 on box (waiting) and 2 more" in message
        assert caught.value.failure.remedy == "Write more of the id."


def in_state(number: int, name: str, state: RunState) -> RunRecord:
    one = record(number, name)
    return replace_record(one, view=replace(one.view, state=state, submitted_at=float(number)))


async def test_a_name_means_the_one_that_lives_or_else_the_newest() -> None:
    over = [in_state(1, "it", ended("failed")), in_state(3, "it", ended())]
    live, later = in_state(2, "it", running()), in_state(4, "it", queued())
    async with desk(ScriptedAgent()) as one:
        assert await find(one, "it", *over) == over[1]
        assert await find(one, "it", *over, live) == live
        with pytest.raises(LanherdError, match="'it' may mean 2 runs"):
            await find_run("it", over, [BOX], {MACHINE: one.session}, sole=True)
        with pytest.raises(LanherdError, match="'it' may mean 2 runs") as caught:
            await find(one, "it", *over, live, later)
        failure = caught.value.failure
        assert "00000004 on box (waiting), 00000002 on box (running)." in failure.message
        assert failure.remedy == "Write the id of the one that you mean."


async def test_what_is_the_id_of_one_and_the_name_of_another_is_asked_about() -> None:
    one_over, other = in_state(0xABC, "", ended("timed_out")), in_state(1, "00000abc", ended())
    async with desk(ScriptedAgent()) as one:
        with pytest.raises(LanherdError, match="may mean 2 runs") as caught:
            await find(one, "00000abc", one_over, other)
        assert "00000abc on box (timed out)" in caught.value.failure.message


async def test_a_run_may_be_where_nobody_answers() -> None:
    with pytest.raises(LanherdError, match="that can't be asked now: box") as caught:
        await find_run("x", [], [OFF], {})
    assert caught.value.code is ErrorCode.UNREACHABLE


async def test_a_machine_that_fails_is_not_one_without_the_run() -> None:
    agent = ScriptedAgent()
    problem = error(ErrorCode.STORE_FAILED, "The store is broken.")

    def fail(method: str, count: int) -> None:
        if method == "runs.get":
            raise problem

    agent.before_answer = fail
    agent.change(run_id(1), ended())
    async with desk(agent) as one:
        with pytest.raises(LanherdError, match="store is broken"):
            await find(one, run_id(1))
