"""Two controllers who want the last free VRAM of a GPU at the same moment, again and again."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.peer import FeedEvent, Peer
from lanherd_protocol.ids import CommandId, RunId
from lanherd_protocol.states import Ended, Queued, Running, RunView, is_live
from lanherd_protocol.values import GpuRequest
from tests.support.doors import new_run, new_run_id

GB = 1024**3
ROUND_S = 30.0
COMMAND = ("sleep", "600")


@dataclass
class Tally:
    """What became of the rounds; `first` counts which of the two won."""

    rounds: int = 0
    one_started: int = 0
    shared: int = 0
    """Rounds in which both were live at some moment."""
    first: Counter[str] = field(default_factory=Counter)
    waited: Counter[str] = field(default_factory=Counter)
    """By the code of the reason that the other was told."""


async def race(peers: tuple[Peer, Peer], rounds: int, total_bytes: int) -> Tally:
    """So many rounds on a machine with one GPU; each asks for two thirds of it."""
    tally = Tally()
    request = GpuRequest(count=1, vram_bytes=total_bytes * 2 // 3)
    async with peers[0].subscribe(methods.FEED_RUNS, m.Empty()) as feed:
        changes = _views(aiter(feed))
        for _ in range(rounds):
            async with asyncio.timeout(ROUND_S):
                await _round(peers, request, changes, tally)
    return tally


async def _round(
    peers: tuple[Peer, Peer], request: GpuRequest, changes: AsyncIterator[RunView], tally: Tally
) -> None:
    runs = [replace(new_run(*COMMAND, gpus=request), run=new_run_id()) for _ in peers]
    async with asyncio.TaskGroup() as both:
        for peer, run in zip(peers, runs, strict=True):
            both.create_task(peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=(run,))))
    latest: dict[RunId, RunView] = {}
    names = {run.run: name for run, name in zip(runs, ("first", "second"), strict=True)}
    tally.rounds += 1
    ended: set[RunId] = set()
    decided = shared = False
    async for view in changes:
        if view.run not in names:
            continue
        latest[view.run] = view
        live = [run for run, known in latest.items() if is_live(known.state)]
        shared |= len(live) > 1
        if isinstance(view.state, Ended):
            ended.add(view.run)
        if not decided and _is_decided(latest):
            decided = True
            tally.one_started += 1
            tally.first[names[live[0]]] += 1
            for known in latest.values():
                if isinstance(known.state, Queued):
                    tally.waited[known.state.reason.code] += 1
            # The one that waits goes first: it would start when the other has ended.
            for one in sorted(names, key=lambda run: run in live):
                await _stop(peers[0], one)
        if len(ended) == len(names):
            break
    tally.shared += shared


def _is_decided(latest: dict[RunId, RunView]) -> bool:
    """One runs, and the other was told that there is no room."""
    states = [view.state for view in latest.values()]
    told = [s.reason.code for s in states if isinstance(s, Queued)]
    return (
        len(states) == 2
        and any(isinstance(state, Running) for state in states)
        and told not in ([], ["in_line"], ["ready"])
    )


async def _stop(peer: Peer, run: RunId) -> None:
    command = CommandId(new_run_id())
    request = m.StopRun(command=command, run=run, grace_s=0.0, signal="KILL")
    await peer.call(methods.RUNS_STOP, request)


async def _views(feed: AsyncIterator[object]) -> AsyncIterator[RunView]:
    async for item in feed:
        if isinstance(item, FeedEvent):
            yield item.body.view
