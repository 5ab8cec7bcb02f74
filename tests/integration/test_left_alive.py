"""What a test has started ends with it, whatever became of the test."""

import os
from pathlib import Path

import pytest

from lanherd_protocol.states import Running
from tests.support.agent_process import agent_process
from tests.support.doors import submit, through_socket, wait_run
from tests.support.launched import launched
from tests.support.left_alive import ends_what_is_left, living


async def test_a_launcher_and_its_live_run_end_with_their_test(tmp_path: Path) -> None:
    with ends_what_is_left():
        async with launched(tmp_path, idle_s=300.0) as rig:
            await rig.start(rig.make("sh", "-c", "sleep 300 & exec sleep 300"))
        assert len(living(tmp_path)) >= len(("launcher", "shim", "command"))
    assert living(tmp_path) == {}


async def test_an_agent_whose_test_failed_leaves_nothing() -> None:
    home = Path(os.environ["HOME"]) / "agent"
    with pytest.raises(ZeroDivisionError) as failed:
        await fails(home)
    assert living(home) == {}
    assert "The agent said" in "".join(failed.value.__notes__)


async def fails(home: Path) -> None:
    with ends_what_is_left(), agent_process(home) as agent:
        async with through_socket(agent) as peer:
            await wait_run(peer, await submit(peer, "sleep", "300"), Running)
        agent.kill()
        assert living(home)
        raise ZeroDivisionError


async def test_what_began_before_goes_on() -> None:
    with agent_process(Path(os.environ["HOME"]) / "agent") as agent:
        with ends_what_is_left():
            agent.restart()
        async with through_socket(agent) as peer:
            await wait_run(peer, await submit(peer, "true"))
