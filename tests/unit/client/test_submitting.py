"""A project on its way: what the run is given, and what a cut does to the push."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lanherd_client import submitting
from lanherd_client.orders import Order
from lanherd_client.projects.project import Project
from lanherd_client.projects.push import PushProgress, PushResult
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
    """Stands in for the push: fails as it is told to, else succeeds."""

    def __init__(self, *problems: LanherdError) -> None:
        self.problems = list(problems)
        self.tries = 0
        self.before: Callable[[], None] = lambda: None

    async def __call__(
        self,
        caller: submitting._Caller,
        folder: Path,
        progress: Callable[[PushProgress], None],
    ) -> PushResult:
        self.tries += 1
        await caller.call(RUNS_GET, GetRun(run=run_id(1)))
        progress(PushProgress("sending", 1, 10, 20))
        if self.problems:
            self.before()
            raise self.problems.pop(0)
        return PushResult(SNAPSHOT, 1, 20, 20, 1)


async def submitted(
    one: Desk, project: Path, environment: submitting.EnvironmentChoice = "auto"
) -> RunSpec:
    one.agent.change(run_id(1), queued())
    await submit_to(one.session, [ORDER], project, environment, None)
    return one.agent.runs[run_id(2)].spec


async def test_the_run_has_the_snapshot_and_the_lock(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submitting, "push", Pushes())
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
    monkeypatch.setattr(submitting, "push", pushes)
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
    monkeypatch.setattr(submitting, "push", pushes)
    async with desk(ScriptedAgent()) as one:
        with pytest.raises(LanherdError, match="disk is full"):
            await submitted(one, project)
        assert pushes.tries == 1


async def test_progress_is_told_in_the_words_of_a_submit(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submitting, "push", Pushes())
    told: list[Progress] = []
    async with desk(ScriptedAgent()) as one:
        one.agent.change(run_id(1), queued())
        await submit_to(one.session, [ORDER], project, "auto", told.append)
    assert told[0] == Progress("scan", 0, 0, Project.open(project).notes)
    assert told[1:] == [Progress("upload", 10, 20), Progress("submit", 0, 0)]


async def test_many_runs_go_in_requests_that_a_message_holds() -> None:
    words = ("train", "x" * 1000)
    orders = [Order(run_id(number), RunSpec(command=words)) for number in range(1, 1001)]
    async with desk(ScriptedAgent()) as one:
        views = await submit_to(one.session, orders, None, "auto", None)
        sent = [request for request in one.agent.changes if isinstance(request, SubmitRuns)]
        assert len(sent) == 3
        assert [new.run for part in sent for new in part.runs] == [order.id for order in orders]
        assert [view.run for view in views] == [order.id for order in orders]
