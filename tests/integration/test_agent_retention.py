"""What ended runs leave on a real agent: removed when asked, by rules, and when the disk is low."""

import os
from typing import Any

from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol import retention_messages as rm
from lanherd_protocol.aio.peer import FeedEvent, Peer
from lanherd_protocol.errors import ErrorCode
from lanherd_protocol.ids import RunId
from lanherd_protocol.states import Queued, Running, RunView
from lanherd_protocol.values import RetentionRule, RetentionRules
from tests.support.agent_process import AgentProcess
from tests.support.run_calls import (
    FOREVER,
    change,
    changes,
    command_id,
    ended,
    log_of,
    refused,
    said,
    sh,
    stop,
    wait_reason,
)


def rules(*some: RetentionRule, **more: Any) -> rm.PutRetention:
    return rm.PutRetention(
        command=command_id(), rules=RetentionRules(rules=some, low_disk_bytes=0, **more)
    )


async def ended_one(peer: Peer) -> RunId:
    run = await sh(peer, "echo x")
    await ended(peer, run)
    return run


async def files_removed(peer: Peer, run: RunId) -> RunView:
    async for view in changes(peer, run):
        if view.files_removed_at is not None:
            return view
    raise AssertionError("the feed ended before that")


async def test_files_are_removed_when_asked(agent: AgentProcess, peer: Peer) -> None:
    run = await sh(peer, "echo x; echo y > $LANHERD_OUTPUTS/y; chmod 0 $LANHERD_OUTPUTS")
    live = await sh(peer, f"echo up; {FOREVER}")
    await ended(peer, run)
    await said(peer, live, b"up")
    async with refused(ErrorCode.CONFLICT):
        await peer.call(methods.RUNS_REMOVE_FILES, m.RemoveRunFiles(command=command_id(), run=live))
    await change(peer, run, pinned=True)
    request = m.RemoveRunFiles(command=command_id(), run=run)
    async with refused(ErrorCode.CONFLICT) as told:
        await peer.call(methods.RUNS_REMOVE_FILES, request)
    assert "pin" in str(told[0])
    await change(peer, run, pinned=False)
    reply = await peer.call(methods.RUNS_REMOVE_FILES, request)
    await files_removed(peer, run)
    assert await peer.call(methods.RUNS_REMOVE_FILES, request) == reply
    assert not (agent.home / "runs" / run).exists()
    async with refused(ErrorCode.NOT_FOUND) as told:
        await log_of(peer, run)
    assert "were removed" in str(told[0])
    async with refused(ErrorCode.NOT_FOUND):
        await peer.call(methods.OUTPUTS_LIST, m.ListOutputs(run=run))
    assert (agent.home / "runs" / live).is_dir()
    await stop(peer, live)
    await ended(peer, live)


async def test_retention(agent: AgentProcess, peer: Peer) -> None:
    pinned, old, newer = [await ended_one(peer) for _ in range(3)]
    live = await sh(peer, f"echo up; {FOREVER}")
    await said(peer, live, b"up")
    await change(peer, pinned, pinned=True)
    wanted = rules(RetentionRule(runs_max=1))
    plan = await peer.call(methods.RETENTION_PLAN, rm.PlanRetention(rules=wanted.rules))
    (removal,) = plan.removals
    assert (removal.run, removal.reason.code) == (old, "retention_count")
    assert plan.size_bytes == removal.size_bytes > 0
    assert (agent.home / "runs" / old).is_dir(), "a plan removes nothing"
    state = await peer.call(methods.RETENTION_PUT, wanted)
    assert state.rules == wanted.rules
    assert (await peer.call(methods.RETENTION_PUT, wanted)).rules == wanted.rules
    await files_removed(peer, old)
    for run in (pinned, newer, live):
        assert (agent.home / "runs" / run).is_dir()
    state = await peer.call(methods.RETENTION_GET, m.Empty())
    assert state.runs == 2
    assert state.rules == wanted.rules
    apply = rm.ApplyRetention(command=command_id())
    assert (await peer.call(methods.RETENTION_APPLY, apply)).runs == 0
    # Only the data of live runs could make that much free.
    for bad in (
        rules(free_bytes_min=1 << 60),
        rules(RetentionRule(runs_max=0)),
        rules(RetentionRule(age_s_max=-1.0)),
    ):
        async with refused(ErrorCode.INVALID_REQUEST):
            await peer.call(methods.RETENTION_PUT, bad)
    await stop(peer, live)
    await ended(peer, live)


async def test_a_low_disk_lets_no_run_start(agent: AgentProcess, peer: Peer) -> None:
    disk = os.statvfs(agent.home)
    free, size = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
    low = RetentionRules(low_disk_bytes=(free + size) // 2)
    live = await sh(peer, f"echo up; {FOREVER}")
    await said(peer, live, b"up")
    await peer.call(methods.RETENTION_PUT, rm.PutRetention(command=command_id(), rules=low))
    async with peer.subscribe(methods.FEED_TELEMETRY, m.Empty()) as feed:
        async for item in feed:
            if isinstance(item, FeedEvent) and any(
                problem.code == "low_disk" for problem in item.body.problems
            ):
                break
    waiting = await sh(peer, "true")
    view = await wait_reason(peer, waiting, "low_disk")
    assert isinstance(view.state, Queued)
    assert view.state.reason.remedy
    view = (await peer.call(methods.RUNS_GET, m.GetRun(run=live))).view
    assert isinstance(view.state, Running), "live runs go on"
    await peer.call(methods.RETENTION_PUT, rules())
    assert (await ended(peer, waiting)).outcome == "succeeded"
    await stop(peer, live)
    await ended(peer, live)
