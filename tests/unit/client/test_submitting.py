"""A project on its way: what the run is given, and what a cut does to the push."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lanherd_client import submitting
from lanherd_client.lines import SessionLine
from lanherd_client.orders import Order
from lanherd_client.projects.project import Project
from lanherd_client.projects.push import Line, PushProgress, PushResult
from lanherd_client.submitting import Progress, submit_to
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import SnapshotId
from lanherd_protocol.messages import GetRun, SubmitRuns
from lanherd_protocol.methods import RUNS_GET
from lanherd_protocol.values import LockedEnvironment, NoEnvironment, RunSpec
from tests.support.scripted_agent import Desk, ScriptedAgent, desk, queued, run_id

SNAPSHOT = SnapshotId("5" * 64)
ORDER = Order(run_id(2), RunSpec(command=("true",)))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "digits"
    folder.mkdir()
    (folder / "requirements.txt").write_text("a==1 --hash=sha256:" + "0" * 64 + "\n")
    return folder


class Pushes:
    """Stands in for the push: fails as it is told to, else succeeds. As the real one it goes on
    over the next connection when one is lost."""

    def __init__(self, *problems: LanherdError) -> None:
        self.problems = list(problems)
        self.tries = 0
        self.machine = ""
        self.given: dict[str, object] = {}
        self.before: Callable[[], None] = lambda: None

    async def __call__(
        self,
        line: Line,
        folder: Path,
        progress: Callable[[PushProgress], None],
        **given: object,
    ) -> PushResult:
        self.machine, self.given = line.machine, given
        lost: LanherdError | None = None
        while True:
            caller = await line.caller(lost)
            self.tries += 1
            await caller.call(RUNS_GET, GetRun(run=run_id(1)))
            progress(PushProgress("sending", 1, 10, 20, "a.py", 5.0, 2.0))
            if not self.problems:
                return PushResult(SNAPSHOT, 1, 20, 20, 1)
            self.before()
            lost = self.problems.pop(0)
            if lost.code is not ErrorCode.CONNECTION_LOST:
                raise lost


async def submitted(
    one: Desk, project: Path, environment: submitting.EnvironmentChoice = "auto"
) -> RunSpec:
    one.agent.change(run_id(1), queued())
    await submit_to(one.session, [ORDER], project, environment, None)
    return one.agent.runs[run_id(2)].spec


async def test_the_run_has_the_snapshot_and_the_lock(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submitting, "push_through", Pushes())
    async with desk(ScriptedAgent()) as one:
        spec = await submitted(one, project)
        assert (spec.project, spec.snapshot) == ("digits", SNAPSHOT)
        assert isinstance(spec.environment, LockedEnvironment)
        assert spec.environment.lock_path == "requirements.txt"
        one.agent.runs.clear()
        assert (await submitted(one, project, "none")).environment == NoEnvironment()


async def test_a_push_that_is_cut_goes_on_over_the_next_connection(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushes = Pushes(*[error(ErrorCode.CONNECTION_LOST, "Lost.")] * 2)
    monkeypatch.setattr(submitting, "push_through", pushes)
    async with desk(ScriptedAgent()) as one:

        def cut() -> None:
            one.wire.cut()
            one.session.wake()

        pushes.before = cut
        assert (await submitted(one, project)).snapshot == SNAPSHOT
        assert pushes.tries == 3


async def test_a_push_that_is_refused_is_not_tried_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushes = Pushes(error(ErrorCode.DISK_FULL, "The disk is full."))
    monkeypatch.setattr(submitting, "push_through", pushes)
    async with desk(ScriptedAgent()) as one:
        with pytest.raises(LanherdError, match="disk is full"):
            await submitted(one, project)
        assert pushes.tries == 1


async def test_progress_is_told_in_the_words_of_a_submit(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submitting, "push_through", Pushes())
    told: list[Progress] = []
    async with desk(ScriptedAgent()) as one:
        one.agent.change(run_id(1), queued())
        await submit_to(one.session, [ORDER], project, "auto", told.append)
    assert told[0] == Progress("scan", 0, 0, Project.open(project).notes)
    assert told[1:] == [
        Progress("upload", 10, 20, rate_bytes_s=5.0, left_s=2.0),
        Progress("submit", 0, 0),
    ]


async def test_the_push_knows_the_machine_and_the_project(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushes = Pushes()
    monkeypatch.setattr(submitting, "push_through", pushes)
    async with desk(ScriptedAgent()) as one:
        one.agent.change(run_id(1), queued())
        await submit_to(one.session, [ORDER], project, "auto", None, project.parent)
        assert pushes.machine == one.session.machine
        assert pushes.given == {"home": project.parent, "project": "digits"}


async def test_a_machine_that_stays_away_is_waited_for_so_long_and_no_longer() -> None:
    async with desk(ScriptedAgent()) as one:
        line = SessionLine(one.session, patience_s=0.05)
        await line.caller(None)
        lost = error(ErrorCode.CONNECTION_LOST, "Lost.")
        with pytest.raises(LanherdError) as raised:
            await line.caller(lost)
        assert raised.value is lost


def many(count: int = 1000) -> list[Order]:
    """Runs that no message holds."""
    words = ("train", "x" * 1100)
    return [Order(run_id(number), RunSpec(command=words)) for number in range(1, count + 1)]


def submits(agent: ScriptedAgent) -> list[SubmitRuns]:
    return [request for request in agent.changes if isinstance(request, SubmitRuns)]


async def test_runs_that_no_message_holds_are_one_submit_all_the_same() -> None:
    orders = many()
    async with desk(ScriptedAgent()) as one:
        views = await submit_to(one.session, orders, None, "auto", None)
        (sent,) = submits(one.agent)
        assert [new.run for new in sent.runs] == [order.id for order in orders]
        assert [view.run for view in views] == [order.id for order in orders]
        assert one.agent.calls.count("runs.submit") == 0
        small = many(10)
        assert await submit_to(one.session, small, None, "auto", None) == views[:10]
        assert one.agent.calls.count("runs.submit") == 1


def short() -> list[Order]:
    """Runs whose answer no message holds."""
    return [Order(run_id(number), RunSpec(command=("true",))) for number in range(1, 2501)]


async def test_a_submit_whose_answer_no_message_holds_is_streamed_too() -> None:
    async with desk(ScriptedAgent()) as one:
        assert len(await submit_to(one.session, short(), None, "auto", None)) == 2500
        assert len(submits(one.agent)) == 1


async def test_a_streamed_submit_that_is_cut_is_sent_again_and_taken_once() -> None:
    orders, cuts = short(), 0

    def cut(method: str, count: int) -> None:
        nonlocal cuts
        if method == "runs.submit_stream" and cuts < 2:
            cuts += 1
            one.wire.cut()
            one.session.wake()

    agent = ScriptedAgent()
    agent.snapshot_runs_max = 10
    agent.before_answer = cut
    async with desk(agent) as one:
        views = await submit_to(one.session, orders, None, "auto", None)
        assert [view.run for view in views] == [order.id for order in orders]
        assert len(submits(agent)) == 3 and len(agent.runs) == len(orders)


async def test_an_answer_that_is_cut_midway_is_asked_for_again() -> None:
    orders, cuts = short(), 0

    def cut(sent_bytes: int) -> None:
        nonlocal cuts
        if sent_bytes > 300_000 and not cuts:
            cuts += 1
            one.wire.cut()
            one.session.wake()

    agent = ScriptedAgent()
    agent.snapshot_runs_max = 10
    agent.while_sending = cut
    async with desk(agent) as one:
        views = await submit_to(one.session, orders, None, "auto", None)
        assert [view.run for view in views] == [order.id for order in orders]
        assert cuts == 1 and len(submits(agent)) == 2


async def test_an_older_agent_is_told_apart_from_one_that_refuses() -> None:
    agent = ScriptedAgent()
    agent.takes_streams = False
    async with desk(agent) as one:
        with pytest.raises(LanherdError, match=r"is too old .* no 1000 runs .* Upgrade") as told:
            await submit_to(one.session, many(), None, "auto", None)
        assert told.value.code is ErrorCode.VERSION_MISMATCH and not agent.runs
        agent.takes_streams = True
        agent.before_answer = lambda method, count: refuse(method)
        with pytest.raises(LanherdError, match="line is full"):
            await submit_to(one.session, many(), None, "auto", None)


def refuse(method: str) -> None:
    if method == "runs.submit_stream":
        raise error(ErrorCode.OVERLOADED, "The line is full.")


async def test_what_can_be_no_submit_is_not_sent() -> None:
    fat = [Order(run_id(number), RunSpec(command=("x" * 250_000,))) for number in range(1, 200)]
    async with desk(ScriptedAgent()) as one:
        with pytest.raises(
            LanherdError, match=r"take 4\d\.\d MB; one submit takes 32\.0 MB"
        ) as told:
            await submit_to(one.session, fat, None, "auto", None)
        assert told.value.code is ErrorCode.TOO_LARGE
        with pytest.raises(LanherdError, match="10001 runs; one submit takes 10000"):
            await submit_to(one.session, [ORDER] * 10_001, None, "auto", None)
        assert not submits(one.agent)
