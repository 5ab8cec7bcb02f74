"""GPUs that are closed and opened, by people and by faults, and the line that is paused: on a real
agent with simulated GPUs."""

import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from lanherd_protocol import machine_messages as mm
from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.peer import FeedEvent, Peer
from lanherd_protocol.errors import ErrorCode
from lanherd_protocol.ids import RunId
from lanherd_protocol.rules_messages import PutRules
from lanherd_protocol.values import GpuReading, GpuRequest, RunSettings
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.doors import new_run, through_socket
from tests.support.run_calls import change, command_id, ended, refused, sh, stopped

SCRIPT = {
    "faults": [{"kind": "xid", "gpu": 1, "value": 79}, {"kind": "xid", "gpu": 0, "value": 31}]
}


@pytest.fixture
def sick_agent(tmp_path: Path) -> Iterator[AgentProcess]:
    script = tmp_path / "script.json"
    script.write_text(json.dumps(SCRIPT))
    home = Path(os.environ["HOME"]) / "agent"
    with agent_process(home, gpus=2, arguments=("--gpu-script", str(script))) as running:
        yield running


async def readings(peer: Peer) -> AsyncIterator[tuple[GpuReading, ...]]:
    async with peer.subscribe(methods.FEED_TELEMETRY, m.Empty()) as feed:
        async for item in feed:
            if isinstance(item, FeedEvent):
                yield item.body.gpus


async def wait_cordons(peer: Peer, expected: list[str]) -> None:
    """Once the samples show these on the GPUs; empty: none."""
    async for gpus in readings(peer):
        if [gpu.cordon.code if gpu.cordon else "" for gpu in gpus] == expected:
            return


async def held(peer: Peer) -> RunId:
    new = replace(new_run("true"), settings=RunSettings(held=True))
    await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=(new,)))
    return new.run


async def controls(peer: Peer) -> mm.MachineControls:
    return await peer.call(methods.MACHINE_CONTROLS, m.Empty())


async def test_a_gpu_with_an_xid_is_closed_until_a_person_opens_it(
    sick_agent: AgentProcess,
) -> None:
    async with through_socket(sick_agent) as peer:
        await wait_cordons(peer, ["", "cordon_xid"])
        (cordon,) = (await controls(peer)).cordons
        assert (cordon.index, cordon.by, cordon.heals) == (1, "", False)
        assert cordon.reason.data["xid"] == 79
        release = mm.UncordonGpu(command=command_id(), gpu="1")
        assert (await peer.call(methods.MACHINE_UNCORDON, release)).cordons == ()
        await wait_cordons(peer, ["", ""])


async def test_what_a_person_closed_is_closed_after_a_restart(sick_agent: AgentProcess) -> None:
    async with through_socket(sick_agent) as peer:
        await wait_cordons(peer, ["", "cordon_xid"])
        request = mm.CordonGpu(command=command_id(), gpu="0", why="Its fan is loud")
        first = await peer.call(methods.MACHINE_CORDON, request)
        assert {cordon.index for cordon in first.cordons} == {0, 1}
        pause = mm.PauseQueue(command=command_id(), note="Moving house")
        await peer.call(methods.QUEUE_PAUSE, pause)
        tag = mm.PauseQueue(command=command_id(), tag="night")
        assert len((await peer.call(methods.QUEUE_PAUSE, tag)).pauses) == 2
    sick_agent.restart()
    async with through_socket(sick_agent) as peer:
        await wait_cordons(peer, ["cordon_person", "cordon_xid"])
        kept = await controls(peer)
        assert [pause.tag for pause in kept.pauses] == ["", "night"]
        assert kept.pauses[0].note == "Moving house" and kept.pauses[0].by
        # The same command, sent again, closes nothing that was opened since.
        release = mm.UncordonGpu(command=command_id(), gpu="0")
        await peer.call(methods.MACHINE_UNCORDON, release)
        again = await peer.call(methods.MACHINE_CORDON, request)
        assert [cordon.index for cordon in again.cordons] == [1]
        await peer.call(methods.QUEUE_RESUME, mm.ResumeQueue(command=command_id()))
        left = await peer.call(
            methods.QUEUE_RESUME, mm.ResumeQueue(command=command_id(), tag="night")
        )
        assert left.pauses == ()


async def test_what_is_not_there_can_not_be_closed(peer: Peer) -> None:
    async with refused(ErrorCode.NOT_FOUND):
        await peer.call(methods.MACHINE_CORDON, mm.CordonGpu(command=command_id(), gpu="7"))


async def test_the_line_is_listed_in_the_order_of_turns(peer: Peer) -> None:
    first, second = [await held(peer), await held(peer)]
    await change(peer, second, priority=5)
    listed = await peer.call(methods.QUEUE_LIST, mm.ListQueue())
    assert [view.run for view in listed.runs] == [second, first]
    assert (listed.total, listed.pauses) == (2, ())
    one = await peer.call(methods.QUEUE_LIST, mm.ListQueue(limit=1))
    assert [view.run for view in one.runs] == [second] and one.total == 2
    for run in (first, second):
        await stopped(peer, run)
    assert (await peer.call(methods.QUEUE_LIST, mm.ListQueue())).runs == ()


async def test_a_gpu_on_which_runs_fail_one_after_another_is_closed() -> None:
    home = Path(os.environ["HOME"]) / "agent"
    with agent_process(home, gpus=1) as agent:
        async with through_socket(agent) as peer:
            text = "failures_max = 2\nfailures_backoff_s = 0\n"
            await peer.call(methods.RULES_PUT, PutRules(text=text))
            wish = GpuRequest(count=1, vram_bytes=1 << 30)
            await ended(
                peer, await sh(peer, "echo 'x: No such file or directory'; exit 1", gpus=wish)
            )
            first = await ended(peer, await sh(peer, "kill -SEGV $$", gpus=wish))
            assert (first.reason.code, first.signal) == ("segfault", 11)
            assert (await controls(peer)).cordons == ()
            await ended(peer, await sh(peer, "kill -SEGV $$", gpus=wish))
            (cordon,) = (await controls(peer)).cordons
            assert (cordon.index, cordon.reason.code) == (0, "cordon_failures")
            assert cordon.reason.data["failures"] == 2
            waits = await sh(peer, "true", gpus=wish)
            await peer.call(methods.MACHINE_UNCORDON, mm.UncordonGpu(command=command_id(), gpu="0"))
            assert (await ended(peer, waits)).outcome == "succeeded"
