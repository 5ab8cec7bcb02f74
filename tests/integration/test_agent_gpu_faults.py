"""A real agent and the NVML code in its child, against the fake library: runs that hold more than
they were promised, and GPUs that fail under them or are not there."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.peer import FeedEvent, Peer
from lanherd_protocol.history_messages import ReadHistory
from lanherd_protocol.ids import GpuUuid, RunId
from lanherd_protocol.rules_messages import PutRules
from lanherd_protocol.states import Ended, Queued, Running, RunView
from lanherd_protocol.values import GpuRequest, Reason
from tests.integration.test_cli_agent import lanherd, read
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.doors import SOON_S, submit, through_socket, wait_run
from tests.support.fake_nvml import (
    GIB,
    VERSION_MISMATCH,
    FakeGpu,
    FakeNvml,
    FakeXid,
    fake_gpus,
)
from tests.support.lanherd_command import LANHERD
from tests.support.nvml_agent import agent, library, live, machine, sample_when, stop_at_once

__all__ = ["agent", "library", "machine"]

FAILS = ("sh", "-c", 'mkfifo "$LANHERD_OUTPUTS/go"; read go < "$LANHERD_OUTPUTS/go"; exit 3')


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
        assert read("show", run)["warning"] == read("why", run)["warning"]
        machine.become(holding(state.pid, 2, share.index))
        calm = await view_when(peer, run, lambda view: warning_of(view) == "")
        assert peak_of(calm) == 9 * GIB, "the most that it held"
        await stop_at_once(peer, run)
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


async def test_who_follows_a_run_is_told_of_an_xid_after_its_end(
    agent: AgentProcess, machine: FakeNvml
) -> None:
    lanherd("pair")
    async with through_socket(agent) as peer, watched(peer):
        command = (*LANHERD, "run", "-f", "--gpus", "1", "--", *FAILS)
        following = await asyncio.create_subprocess_exec(
            *command, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        try:
            (view,) = await runs_when_live(peer)
            assert isinstance(view.state, Running)
            (share,) = view.state.lease.gpus
            (agent.home / "runs" / view.run / "1" / "outputs" / "go").write_text("go\n")
            await wait_run(peer, view.run)
            machine.become(fake_gpus(2), xids=[FakeXid(number=1, gpu=share.index, code=79)])
            _, said = await following.communicate()
        finally:
            if following.returncode is None:
                following.kill()
                await following.wait()
    first, more, then = said.decode().partition("More is known now of how it ended:")
    assert more and "The run failed. Ended with exit code 3." in first
    assert f"Xid 79 for its GPU {share.index}" in then
    assert following.returncode == 1


async def runs_when_live(peer: Peer) -> list[RunView]:
    """All there are, once one is."""
    async with asyncio.timeout(SOON_S), peer.subscribe(methods.FEED_RUNS, m.Empty()) as feed:
        snapshot = await peer.call(methods.MACHINE_SNAPSHOT, m.Empty())
        live = [view for view in snapshot.runs if isinstance(view.state, Running)]
        if live:
            return live
        async for item in feed:
            if isinstance(item, FeedEvent) and isinstance(item.body.view.state, Running):
                return [item.body.view]
    raise AssertionError("the feed ended before that")


def code_of(view: RunView) -> str:
    return view.state.reason.code if isinstance(view.state, Ended) else ""


async def test_a_driver_that_does_not_fit_its_library_at_the_start(
    agent: AgentProcess, machine: FakeNvml
) -> None:
    agent.end()
    machine.become(fake_gpus(2), fail={"nvmlInitWithFlags": VERSION_MISMATCH})
    agent.start()
    async with through_socket(agent) as peer:
        sample = await sample_when(peer, lambda sample: len(sample.gpus) == 2)
        cordons = [gpu.cordon for gpu in sample.gpus]
        assert [cordon and cordon.code for cordon in cordons] == ["cordon_driver"] * 2
        assert cordons[0] is not None and "Restart the machine" in cordons[0].remedy
        status = await peer.call(methods.AGENT_STATUS, m.Empty())
        assert [problem.code for problem in status.problems] == ["cordon_driver"]
        run = await submit(peer, "true", gpus=GpuRequest(count=1, vram_bytes=4 * GIB))
        view = await view_when(peer, run, lambda view: "updated" in str(reason_of(view)))
        assert reason_of(view).code == "gpu_unavailable"
        lanherd("pair")
        assert "was updated while the old one is still loaded" in lanherd("machines").stdout
        machine.become(fake_gpus(2))
        over = (await wait_run(peer, run)).state
        assert isinstance(over, Ended) and over.outcome == "succeeded"
        well = await sample_when(peer, lambda sample: sample.gpus[0].cordon is None)
        assert well.problems == ()


def reason_of(view: RunView) -> Reason:
    return view.state.reason if isinstance(view.state, Queued) else Reason(code="", text="")


async def test_a_driver_that_never_told_of_any_gpu_is_the_machines_problem(
    library: Path, tmp_path: Path
) -> None:
    fake = FakeNvml(library, tmp_path / "script")
    fake.become(fake_gpus(2), fail={"nvmlInitWithFlags": VERSION_MISMATCH})
    home = Path(os.environ["HOME"]) / "agent"
    with agent_process(home, gpus=0, variables=fake.environment) as agent:
        async with through_socket(agent) as peer:
            (problem,) = (await peer.call(methods.AGENT_STATUS, m.Empty())).problems
            assert problem.code == "cordon_driver"
            assert problem.text.startswith("The machine's GPUs can't be used: The NVIDIA driver")
            lanherd("pair")
            note = lanherd("machines").stdout
            assert note.count("was updated while the old one") == 1
            run = await submit(peer, "true", gpus=GpuRequest(count=1))
            view = (await peer.call(methods.RUNS_GET, m.GetRun(run=run))).view
            assert reason_of(view).code == "no_readings"
            assert "was updated while the old one" in reason_of(view).text
            fake.become(fake_gpus(2))


async def test_a_gpu_that_vanishes_from_the_list_is_missed_and_no_other(
    agent: AgentProcess, machine: FakeNvml
) -> None:
    four = fake_gpus(4)
    agent.end()
    machine.become([replace(gpu, temp=52 + place) for place, gpu in enumerate(four)])
    agent.start()
    async with through_socket(agent) as peer:
        wanted = GpuRequest(count=1, vram_bytes=4 * GIB, where="index = 1")
        run = await submit(peer, "sleep", "600", gpus=wanted)
        state = (await wait_run(peer, run, Running)).state
        assert isinstance(state, Running) and [gpu.index for gpu in state.lease.gpus] == [1]
        left = [replace(gpu, temp=60 + place) for place, gpu in enumerate(four) if place != 1]
        machine.become(left)
        warned = await view_when(peer, run, lambda view: warning_of(view) == "gpu_lost")
        sample = await sample_when(peer, lambda sample: sample.gpus[3].temperature_c == 63.0)
        assert [gpu.uuid for gpu in sample.gpus] == [gpu.uuid for gpu in four]
        assert [gpu.problem is not None for gpu in sample.gpus] == [False, True, False, False]
        assert [gpu.temperature_c for gpu in sample.gpus] == [60.0, None, 62.0, 63.0]
        assert [gpu.vram_leased_bytes for gpu in sample.gpus] == [0, 4 * GIB, 0, 0]
        assert [gpu.cordon is not None for gpu in sample.gpus] == [False, True, False, False]
        assert isinstance(warned.state, Running) and warned.state.lease == state.lease
        facts = (await peer.call(methods.MACHINE_SNAPSHOT, m.Empty())).facts
        assert [(gpu.index, gpu.uuid) for gpu in facts.gpus] == [
            (place, gpu.uuid) for place, gpu in enumerate(four)
        ]
        heat = {}
        for place, gpu in enumerate(four):
            asked = ReadHistory(gpu=GpuUuid(gpu.uuid), since=0.0)
            past = await peer.call(methods.HISTORY_READ, asked)
            heat[place] = next(line for line in past.lines if line.metric == "temperature_c").peaks
        assert [max(filter(None, heat[place])) for place in range(4)] == [60.0, 53.0, 62.0, 63.0]
        other = await submit(
            peer, "true", gpus=GpuRequest(count=1, vram_bytes=4 * GIB, where="index = 2")
        )
        over = (await wait_run(peer, other)).state
        assert isinstance(over, Ended) and over.lease.gpus[0].uuid == four[2].uuid
        await stop_at_once(peer, run)
        await wait_run(peer, run)
