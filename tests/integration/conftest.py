"""An agent, a connection to it, and the ways to kill, for the tests that need no other ones."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from lanherd_agent.runs import cgroups, launcher_process
from lanherd_protocol.aio.peer import Peer
from tests.support import agent_forks, lanherd_command
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.doors import pair, through_socket


@pytest.fixture(scope="session", autouse=True)
def loaded_once() -> Iterator[None]:
    with lanherd_command.loaded(), agent_forks.loaded():
        yield


@pytest.fixture
def agent() -> Iterator[AgentProcess]:
    """Of each test its own, on a machine without GPUs."""
    with agent_process(Path(os.environ["HOME"]) / "agent", gpus=0) as running:
        yield running


@pytest.fixture
async def peer(agent: AgentProcess) -> AsyncIterator[Peer]:
    async with through_socket(agent) as connected:
        yield connected


@pytest.fixture(scope="module")
def lasting_agent() -> Iterator[AgentProcess]:
    """One for all tests of a module, whose requests are mistakes of a person or a program: none
    may be the agent's."""
    with agent_process(Path(os.environ["HOME"]) / "lasting") as running:
        yield running
        assert "Traceback" not in running.log, running.log


@pytest_asyncio.fixture
async def paired_peer(lasting_agent: AgentProcess) -> AsyncIterator[Peer]:
    device = await pair(lasting_agent)
    async with device.connected() as connected:
        yield connected


@pytest.fixture(params=["walk", "cgroup"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """How a launcher ends a run's processes."""
    if request.param == "walk":
        monkeypatch.delenv(launcher_process.CGROUP, raising=False)
        yield "walk"
        return
    folder = tempfile.mkdtemp(prefix="lanherd-test-", dir=cgroups.own_cgroup())
    monkeypatch.setenv(launcher_process.CGROUP, folder)
    yield "cgroup"
    assert cgroups.remove(folder) == 0
