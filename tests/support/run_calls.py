"""What tests ask of a real agent's runs, in as few words as they have."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from lanherd_protocol import log_messages as lm
from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.peer import FeedEvent, Peer
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import CommandId, RunId
from lanherd_protocol.states import Ended, Queued, RunView
from tests.support.doors import new_run_id, read_log, submit, wait_run

FOREVER = "while :; do sleep 0.05; done"


def command_id() -> CommandId:
    return CommandId(new_run_id())


async def sh(peer: Peer, script: str, **more: Any) -> RunId:
    return await submit(peer, "sh", "-c", script, **more)


async def stop(peer: Peer, run: RunId, **more: Any) -> RunView:
    request = m.StopRun(command=command_id(), run=run, **more)
    return (await peer.call(methods.RUNS_STOP, request)).view


async def stopped(peer: Peer, run: RunId) -> None:
    """Once it is over."""
    await stop(peer, run, grace_s=1.0)
    await wait_run(peer, run)


async def change(peer: Peer, run: RunId, **more: Any) -> RunView:
    request = m.ChangeRun(command=command_id(), run=run, **more)
    return (await peer.call(methods.RUNS_CHANGE, request)).view


async def ended(peer: Peer, run: RunId) -> Ended:
    state = (await wait_run(peer, run)).state
    assert isinstance(state, Ended)
    return state


async def log_of(peer: Peer, run: RunId, **more: Any) -> str:
    return (await read_log(peer, run, **more))[0].decode()


async def said(peer: Peer, run: RunId, word: bytes) -> None:
    """Once the run has printed the word."""
    async with peer.download(methods.LOGS_READ, lm.ReadLog(run=run, follow=True)) as download:
        seen = b""
        async for chunk in download:
            seen += chunk
            if word in seen:
                return
    raise AssertionError(f"it ended with {seen!r}")


@asynccontextmanager
async def refused(code: ErrorCode) -> AsyncIterator[list[LanherdError]]:
    told: list[LanherdError] = []
    with pytest.raises(LanherdError) as caught:
        yield told
    told.append(caught.value)
    assert caught.value.code is code, caught.value
    assert caught.value.failure.title


async def refusal(work: Awaitable[object]) -> LanherdError:
    """What was answered to a request that is refused."""
    with pytest.raises(LanherdError) as caught:
        await work
    return caught.value


async def wait_reason(peer: Peer, run: RunId, code: str) -> RunView:
    async for view in changes(peer, run):
        if isinstance(view.state, Queued) and view.state.reason.code == code:
            return view
    raise AssertionError("the feed ended before that")


async def changes(peer: Peer, run: RunId) -> AsyncIterator[RunView]:
    async with peer.subscribe(methods.FEED_RUNS, m.Empty()) as feed:
        yield (await peer.call(methods.RUNS_GET, m.GetRun(run=run))).view
        async for item in feed:
            if isinstance(item, FeedEvent) and item.body.view.run == run:
                yield item.body.view
