"""An agent whose GPUs are those of the fake NVML library: a test takes these fixtures by import."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.peer import FeedEvent, Peer
from lanherd_protocol.ids import CommandId, RunId
from lanherd_protocol.states import Running
from lanherd_protocol.values import GpuRequest, Telemetry
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.doors import SOON_S, new_run_id, submit, wait_run
from tests.support.fake_nvml import GIB, FakeNvml, build_library, fake_gpus


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
    home = Path(os.environ["HOME"]) / "agent"
    with agent_process(home, gpus=0, variables=machine.environment) as running:
        yield running


async def live(peer: Peer, *command: str) -> tuple[RunId, Running]:
    """A run on one GPU."""
    run = await submit(peer, *command, gpus=GpuRequest(count=1, vram_bytes=4 * GIB))
    view = await wait_run(peer, run, Running)
    assert isinstance(view.state, Running)
    return run, view.state


async def stop_at_once(peer: Peer, run: RunId) -> None:
    stop = m.StopRun(command=CommandId(new_run_id()), run=run, grace_s=0.0)
    await peer.call(methods.RUNS_STOP, stop)


async def samples(peer: Peer) -> AsyncGenerator[Telemetry, None]:
    """While they are waited for, one comes every second."""
    async with peer.subscribe(methods.FEED_TELEMETRY, m.Empty()) as feed:
        async for item in feed:
            if isinstance(item, FeedEvent):
                yield item.body


async def sample_when(peer: Peer, good: Callable[[Telemetry], bool]) -> Telemetry:
    """The first that is as wanted."""
    async with asyncio.timeout(SOON_S), aclosing(samples(peer)) as told:
        async for sample in told:
            if good(sample):
                return sample
    raise AssertionError("the feed ended before that")
