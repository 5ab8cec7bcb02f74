"""A run's secrets on a real agent: in its own closed file, and in no other place of Lanherd's."""

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from lanherd_agent.secrets import TRASH
from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.peer import FeedEvent, Peer
from lanherd_protocol.codec import encode_body
from lanherd_protocol.errors import ErrorCode
from lanherd_protocol.states import Ended, RunView
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.doors import new_run, new_run_id, through_socket
from tests.support.lanherd_command import call_text
from tests.support.live_files import contents_below
from tests.support.run_calls import (
    FOREVER,
    change,
    ended,
    refused,
    said,
    sh,
    stop,
)
from tests.support.waiting import wait_until_async

VALUE = "s3cr3t-in-one-place-only"
OTHER = "an0ther-that-is-refused"
USES = 'set -e; test "$(cat "$LANHERD_SECRETS/TOKEN" | wc -c)" = 24; echo up; '


@pytest.fixture
def agent() -> Iterator[AgentProcess]:
    with agent_process(Path(os.environ["HOME"]) / "agent", gpus=0) as running:
        yield running


def with_secret(script: str, value: str = VALUE) -> m.NewRun:
    new = new_run("sh", "-c", script, secrets=("TOKEN",))
    return replace(new, secrets={"TOKEN": value})


async def submit_one(peer: Peer, new: m.NewRun) -> RunView:
    return (await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=(new,)))).runs[0]


def holders(root: Path, *words: str) -> dict[str, list[Path]]:
    """The files below a folder that hold each of the words."""
    found: dict[str, list[Path]] = {word: [] for word in words}
    for path, content in contents_below(root):
        for word in words:
            if word.encode() in content:
                found[word].append(path)
    return found


def lanherd(*arguments: str) -> str:
    done = call_text(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


async def test_the_value_is_in_its_own_file_alone(agent: AgentProcess, peer: Peer) -> None:
    told: list[bytes] = []
    async with peer.subscribe(methods.FEED_RUNS, m.Empty()) as feed:
        new = with_secret(USES + FOREVER)
        view = await submit_one(peer, new)
        assert view.spec.secrets == ("TOKEN",)
        told.append(bytes(encode_body(view)))
        assert await submit_one(peer, new) == view
        async with refused(ErrorCode.CONFLICT) as refusals:
            await submit_one(peer, replace(new, secrets={"TOKEN": OTHER}))
        async with refused(ErrorCode.INVALID_REQUEST) as more:
            await submit_one(peer, replace(with_secret("true", OTHER), secrets={"OTHER": OTHER}))
        # Whoever puts it into a name has told it himself; a failure's own words are redacted.
        await said(peer, new.run, b"up")
        await change(peer, new.run, notes="a note")
        folder = agent.home / "secrets" / new.run
        assert stat.S_IMODE((folder / "TOKEN").stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        found = await asyncio.to_thread(holders, Path(os.environ["HOME"]).parent, VALUE, OTHER)
        assert found == {VALUE: [folder / "TOKEN"], OTHER: []}
        # The store's own files, whole: what was deleted there would still be in them.
        assert (agent.home / "agent.sqlite").exists()
        shown = [
            await asyncio.to_thread(lanherd, *arguments)
            for arguments in (("pair",), ("runs", "--json"), ("show", new.run, "--json"))
        ]
        await stop(peer, new.run)
        await ended(peer, new.run)
        # Out of sight by a rename first, and emptied a moment later.
        trash = folder.with_name(TRASH)
        await wait_until_async(lambda: not (folder.exists() or any(trash.glob("*"))))
        async for item in feed:
            if isinstance(item, FeedEvent):
                told.append(bytes(encode_body(item.body)))
                if isinstance(item.body.view.state, Ended):
                    break
    told += [str(problem).encode() for problem in refusals + more]
    everything = b"".join(told) + "".join(shown).encode() + agent.log.encode()
    assert new.run.encode() in everything
    for word in (VALUE, OTHER):
        assert word.encode() not in everything
    found = await asyncio.to_thread(holders, Path(os.environ["HOME"]).parent, VALUE, OTHER)
    assert found == {VALUE: [], OTHER: []}


async def test_what_the_agent_says_of_a_failure_is_redacted(
    agent: AgentProcess, peer: Peer
) -> None:
    """A value that is part of another run's words, so that the agent would tell it itself."""
    holds = with_secret(USES + FOREVER)
    await submit_one(peer, holds)
    await said(peer, holds.run, b"up")
    run = await sh(peer, "true", directory=f"data-{VALUE}")
    end = await ended(peer, run)
    assert "data-***" in end.reason.text
    assert VALUE not in str(end)
    await stop(peer, holds.run)
    await ended(peer, holds.run)


async def test_they_outlive_the_agent_and_go_with_the_run(agent: AgentProcess) -> None:
    async with through_socket(agent) as peer:
        new = with_secret(USES + FOREVER)
        await submit_one(peer, new)
        await said(peer, new.run, b"up")
    orphan = agent.home / "secrets" / new_run_id()
    orphan.mkdir()
    (orphan / "TOKEN").write_text(OTHER)
    await asyncio.to_thread(agent.kill)
    await asyncio.to_thread(agent.start)
    folder = agent.home / "secrets" / new.run
    assert (folder / "TOKEN").read_text() == VALUE
    assert not orphan.exists()
    async with through_socket(agent) as peer:
        run = await sh(peer, "true", directory=f"data-{VALUE}")
        assert "data-***" in (await ended(peer, run)).reason.text
        await stop(peer, new.run)
        await ended(peer, new.run)
        await wait_until_async(lambda: not folder.exists())


async def test_a_restart_has_them_while_they_are_there(agent: AgentProcess, peer: Peer) -> None:
    new = with_secret(USES + FOREVER)
    await submit_one(peer, new)
    await said(peer, new.run, b"up")
    request = m.RestartRun(run=new.run, new_run=new_run_id())
    first = (await peer.call(methods.RUNS_RESTART, request)).view
    await said(peer, request.new_run, b"up")
    for run in (new.run, request.new_run):
        await stop(peer, run)
        await ended(peer, run)
    await wait_until_async(lambda: holders(agent.home / "secrets", VALUE)[VALUE] == [])
    assert (await peer.call(methods.RUNS_RESTART, request)).view == first
    gone = m.RestartRun(run=new.run, new_run=new_run_id())
    async with refused(ErrorCode.CONFLICT) as told:
        await peer.call(methods.RUNS_RESTART, gone)
    assert "anew" in told[0].failure.remedy
    # Sent again it is answered as before, and nothing is kept for it.
    await submit_one(peer, new)
    assert holders(agent.home / "secrets", VALUE)[VALUE] == []


async def test_removed_behind_the_agents_back(agent: AgentProcess, peer: Peer) -> None:
    new = with_secret("true")
    held = replace(new, settings=replace(new.settings, held=True))
    await submit_one(peer, held)
    (agent.home / "secrets" / new.run / "TOKEN").unlink()
    (agent.home / "secrets" / new.run).rmdir()
    await change(peer, new.run, held=False)
    end = await ended(peer, new.run)
    assert end.outcome == "failed"
    assert "secrets" in end.reason.text
