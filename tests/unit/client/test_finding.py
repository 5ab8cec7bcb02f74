import pytest
from msgspec.structs import replace

from lanherd_client.finding import find_run, matching
from lanherd_client.mirror import MachineView, Online, RunRecord, Unreachable
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.states import RunView
from lanherd_protocol.values import RunSpec
from tests.support.scripted_agent import MACHINE, Desk, ScriptedAgent, desk, ended, queued, run_id

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
        assert "00000004 on box and 2 more" in caught.value.failure.message


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
