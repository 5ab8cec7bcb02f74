"""A real agent and the NVML code in its child, against the fake library: runs that hold more than
they were promised, and GPUs that fail under them or are not there."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.peer import FeedEvent, Peer
from lanherd_protocol.ids import CommandId, RunId
from lanherd_protocol.rules_messages import PutRules
from lanherd_protocol.states import Ended, Running, RunView
from lanherd_protocol.values import GpuRequest
from tests.integration.test_cli_agent import lanherd, read
from tests.support.agent_process import AgentProcess
from tests.support.doors import new_run_id, submit, through_socket, wait_run
from tests.support.fake_nvml import GIB, FakeGpu, FakeNvml, FakeXid, build_library, fake_gpus

SOON_S = 20.0
FAILS = ("sh", "-c", 'mkfifo "$LANHERD_OUTPUTS/go"; read go < "$LANHERD_OUTPUTS/go"; exit 3')


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("nvml") / "newest")


@pytest.fixture
def machine(library: Path, tmp_path: Path) -> FakeNvml:
    fake = FakeNvml(library, tmp_path / "script")
    fake.become(fake_gpus(2))
    return fake


@pytest.fixture
def agent(machine: FakeNvml) -> Iterator[AgentProcess]:
    running = AgentProcess(
        Path(os.environ["HOME"]) / "agent", gpus=0, variables=machine.environment
    )
    running.start()
    yield running
    running.end()
    running.end_launcher()


async def view_when(peer: Peer, run: RunId, good: Callable[[RunView], bool]) -> RunView:
    """The run once it is as wanted, told by the feed."""
    async with asyncio.timeout(SOON_S), peer.subscribe(methods.FEED_RUNS, m.Empty()) as feed:
        view = (await peer.call(methods.RUNS_GET, m.GetRun(run=run))).view
        if good(view):
            return view
        async for item in feed:
            if isinstance(item, FeedEvent) and item.body.view.run == run and good(item.body.view):
                told: RunView = item.body.view
                return told
    raise AssertionError("the feed ended before that")


@asynccontextmanager
async def watched(peer: Peer) -> AsyncIterator[None]:
    """The machine is sampled every second meanwhile."""
    async with peer.subscribe(methods.FEED_TELEMETRY, m.Empty()):
        yield


async def live(peer: Peer, *command: str) -> tuple[RunId, Running]:
    run = await submit(peer, *command, gpus=GpuRequest(count=1, vram_bytes=4 * GIB))
    view = await wait_run(peer, run, Running)
    assert isinstance(view.state, Running)
    return run, view.state


def holding(pid: int, gib: int, index: int) -> list[FakeGpu]:
    """The machine with a process that holds so much of one of its GPUs."""
    gpus = list(fake_gpus(2))
    gpus[index] = replace(gpus[index], compute={pid: gib * GIB}, used=(gib + 1) * GIB)
    return gpus


def warning_of(view: RunView) -> str:
    state = view.state
    return state.warning.code if isinstance(state, Running) and state.warning else ""


async def test_a_run_that_holds_too_much_is_told_so_and_keeps_its_promise(
    agent: AgentProcess, machine: FakeNvml
) -> None:
    async with through_socket(agent) as peer:
        run, state = await live(peer, "sleep", "600")
        (share,) = state.lease.gpus
        machine.become(holding(state.pid, 3, share.index))
        measured = await view_when(peer, run, lambda view: peak_of(view) >= 3 * GIB)
        machine.become(holding(state.pid, 9, share.index))
        warned = await view_when(peer, run, lambda view: warning_of(view) == "over_use")
        assert isinstance(measured.state, Running) and isinstance(warned.state, Running)
        assert warning_of(measured) == "" and measured.state.lease == state.lease
        assert warned.state.warning is not None
        assert warned.state.warning.text == (
            f"It holds 9 GB of GPU {share.index}, and was promised 4."
        )
        assert peak_of(warned) == 9 * GIB
        assert warned.state.lease == state.lease, "a promise is what it was"
        status = await peer.call(methods.AGENT_STATUS, m.Empty())
        assert [problem.code for problem in status.problems] == ["over_use"]
        lanherd("pair")
        shown = lanherd("show", run).stdout
        assert "holds 9 GB" in shown and "9.00 GB" in shown
        assert read("why", run)["warning"]["code"] == "over_use"
        machine.become(holding(state.pid, 2, share.index))
        calm = await view_when(peer, run, lambda view: warning_of(view) == "")
        assert peak_of(calm) == 9 * GIB, "the most that it held"
        stop = m.StopRun(command=CommandId(new_run_id()), run=run, grace_s=0.0)
        await peer.call(methods.RUNS_STOP, stop)
        over = await wait_run(peer, run)
        assert peak_of(over) == 9 * GIB


async def test_a_run_that_holds_too_much_is_stopped_where_the_rules_want_it(
    agent: AgentProcess, machine: FakeNvml
) -> None:
    async with through_socket(agent) as peer:
        await peer.call(methods.RULES_PUT, PutRules(text='over_use = "stop"\n'))
        run, state = await live(peer, "sleep", "600")
        (share,) = state.lease.gpus
        machine.become(holding(state.pid, 9, share.index))
        over = (await wait_run(peer, run)).state
        assert isinstance(over, Ended)
        assert (over.outcome, over.reason.code) == ("failed", "over_use_stopped")
        assert over.reason.data["used_bytes"] == 9 * GIB
        assert over.vram_peak_bytes == 9 * GIB


def peak_of(view: RunView) -> int:
    return view.state.vram_peak_bytes if isinstance(view.state, Running | Ended) else 0


async def test_an_xid_that_is_told_after_the_end_is_the_cause(
    agent: AgentProcess, machine: FakeNvml
) -> None:
    async with through_socket(agent) as peer, watched(peer):
        run, state = await live(peer, *FAILS)
        (share,) = state.lease.gpus
        (agent.home / "runs" / run / "1" / "outputs" / "go").write_text("go\n")
        over = (await wait_run(peer, run)).state
        machine.become(fake_gpus(2), xids=[FakeXid(number=1, gpu=share.index, code=79)])
        amended = await view_when(peer, run, lambda view: code_of(view) == "gpu_xid")
        assert isinstance(over, Ended) and isinstance(amended.state, Ended)
        assert (over.exit_code, amended.state.exit_code) == (3, 3)
        assert over.reason.code == "exit_code"
        assert f"Xid 79 for its GPU {share.index}" in amended.state.reason.text
    agent.restart()
    async with through_socket(agent) as peer:
        kept = (await peer.call(methods.RUNS_GET, m.GetRun(run=run))).view
        assert kept.state == amended.state


def code_of(view: RunView) -> str:
    return view.state.reason.code if isinstance(view.state, Ended) else ""
