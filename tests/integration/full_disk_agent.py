"""Run in a mount namespace of its own: an agent whose home is on a file system of 16 MB.

Prints what happened as JSON. Arguments: the folder to mount on.
"""

import asyncio
import errno
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol import retention_messages as rm
from lanherd_protocol.aio.peer import FeedEvent, Peer
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import BlobHash, CommandId, RunId
from lanherd_protocol.packs import PackEncoder
from lanherd_protocol.states import Ended, RunView
from lanherd_protocol.values import RetentionRules
from tests.support.agent_process import AgentProcess
from tests.support.doors import SOON_S, new_run, new_run_id, pair, read_log, submit, wait_run
from tests.support.waiting import wait_until_async
from tests.unit.snapshots.samples import named

SUBMITS_MAX = 3000


class Story:
    """One agent, what fills its disk, and the runs that it has acknowledged."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.agent = AgentProcess(home)
        self.ballast = home / "ballast"
        self.acknowledged: dict[RunId, RunView] = {}
        self.unsure: list[m.NewRun] = []

    def fill(self) -> None:
        with self.ballast.open("ab", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError as refused:
                    if refused.errno != errno.ENOSPC:
                        raise

    def free(self) -> None:
        self.ballast.unlink()

    async def send(self, peer: Peer, new: m.NewRun) -> str:
        """`taken`, or the code of the refusal."""
        try:
            reply = await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=(new,)))
        except LanherdError as refused:
            return refused.code.value
        self.acknowledged[new.run] = reply.runs[0]
        return "taken"

    async def submit_until_refused(self, peer: Peer) -> str:
        """The first answer that isn't `taken`."""
        for _ in range(SUBMITS_MAX):
            new = new_run("true")
            answer = await self.send(peer, new)
            if answer != "taken":
                self.unsure.append(new)
                return answer
        raise AssertionError(f"{SUBMITS_MAX} submits were taken on a full disk")

    async def submit_until_taken(self, peer: Peer) -> set[str]:
        """What else was answered, once a second, until one and the same run was taken."""
        new = new_run("true")
        answers: set[str] = set()
        async with (
            asyncio.timeout(SOON_S),
            peer.subscribe(methods.FEED_TELEMETRY, m.Empty()) as ticks,
        ):
            async for _ in ticks:
                answer = await self.send(peer, new)
                if answer == "taken":
                    break
                answers.add(answer)
        return answers

    async def outcomes(self, peer: Peer) -> list[str]:
        """How the acknowledged runs ended, once each of them has."""
        outcomes: set[str] = set()
        for run, before in self.acknowledged.items():
            view = await wait_run(peer, run)
            assert isinstance(view.state, Ended)
            assert (view.spec, view.submitted_at) == (before.spec, before.submitted_at)
            reason = "" if view.state.outcome == "succeeded" else f": {view.state.reason.text}"
            outcomes.add(view.state.outcome + reason)
        return sorted(outcomes)


async def problems(peer: Peer) -> list[str]:
    """What is told of the machine with the next sample."""
    async with (
        asyncio.timeout(SOON_S),
        peer.subscribe(methods.FEED_TELEMETRY, m.Empty()) as ticks,
    ):
        samples = 0
        async for tick in ticks:
            samples += 1
            if isinstance(tick, FeedEvent) and samples > 1:
                return [problem.code for problem in tick.body.problems]
    raise AssertionError("the feed ended")


async def push(peer: Peer) -> str:
    data = os.urandom(1 << 20)
    encoder = PackEncoder()
    packed = encoder.add(BlobHash(named(data)), data) + encoder.finish()

    async def chunks() -> AsyncIterator[bytes]:
        yield packed

    try:
        await peer.call(methods.SNAPSHOTS_PUT_BLOBS, m.PutBlobs(count=1), upload=chunks())
    except LanherdError as refused:
        return refused.code.value
    return "taken"


async def stop_what_fills(story: Story, peer: Peer) -> None:
    """What fills the disk, and would go on, can be stopped; its log still fills it afterwards."""
    filler = await submit(peer, "sh", "-c", "while :; do head -c 1000000 /dev/zero; done")
    await wait_until_async(lambda: os.statvfs(story.home).f_bavail == 0)
    stop = m.StopRun(command=CommandId(new_run_id()), run=filler, grace_s=0)
    await peer.call(methods.RUNS_STOP, stop)
    view = await wait_run(peer, filler)
    assert isinstance(view.state, Ended) and view.state.outcome == "cancelled", view
    await asyncio.to_thread(os.truncate, story.home / "runs" / filler / "1" / "log", 0)


async def play(story: Story) -> dict[str, object]:
    told: dict[str, object] = {}
    agent = story.agent
    await asyncio.to_thread(agent.start)
    device = await pair(agent)
    async with device.connected() as peer:
        # A disk of this size is low from the beginning; what happens on a full one is the subject.
        rules = RetentionRules(low_disk_bytes=0)
        command = CommandId(new_run_id())
        await peer.call(methods.RETENTION_PUT, rm.PutRetention(command=command, rules=rules))
        told["before"] = await story.send(peer, new_run("true"))
        talker = await submit(peer, "sh", "-c", "echo said")
        await wait_run(peer, talker)
        noisy = await submit(peer, "sh", "-c", "head -c 50000000 /dev/zero || exit 7")
        # How it ended is kept in what is held back for that, though its log fills the disk.
        view = await wait_run(peer, noisy)
        await asyncio.to_thread(os.truncate, story.home / "runs" / noisy / "1" / "log", 0)
        assert isinstance(view.state, Ended)
        told["noisy run"] = view.state.exit_code
        told["why"] = view.state.reason.text

        await stop_what_fills(story, peer)
        story.fill()
        told["full"] = await story.submit_until_refused(peer)
        told["problems"] = await problems(peer)
        told["push"] = await push(peer)
        told["status"] = (await peer.call(methods.AGENT_STATUS, m.Empty())).pid == agent.pid
        told["log"] = (await read_log(peer, talker))[0].decode()
        story.free()
        told["freed"] = sorted(await story.submit_until_taken(peer))
        told["push again"] = await push(peer)
        told["outcomes"] = await story.outcomes(peer)

        story.fill()
        told["full again"] = await story.submit_until_refused(peer)
    await asyncio.to_thread(agent.kill)
    told["start on a full disk"] = await asyncio.to_thread(try_to_start, story.home)
    story.free()
    await asyncio.to_thread(agent.start)
    async with (await pair(agent)).connected() as peer:
        told["outcomes after"] = await story.outcomes(peer)
        # What was refused can be sent again as it was, and is then one run.
        for new in story.unsure:
            await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=(new,)))
            await wait_run(peer, new.run)
        status = await peer.call(methods.MACHINE_SNAPSHOT, m.Empty())
        told["runs lost or doubled"] = status.runs_total - (
            len(story.acknowledged) + len(story.unsure) + 3
        )
    await asyncio.to_thread(agent.end)
    agent.end_launcher()
    return told


def try_to_start(home: Path) -> str:
    """What a start says, or that it begins as ever."""
    command = [sys.executable, "-m", "lanherd_agent.cli", "serve", "--home", str(home)]
    with subprocess.Popen(
        [*command, "--port", "0", "--simulate-gpus", "1"], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        words = process.stderr.readline()
        process.terminate()
        words += process.stderr.read()
    return "serves" if " serves " in words else words


def main() -> None:
    folder = Path(sys.argv[1])
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16M", "tmpfs", str(folder)], check=True)
    story = Story(folder)
    try:
        print(json.dumps(asyncio.run(play(story))))
    except BaseException:
        print(story.agent.log, file=sys.stderr)
        raise


if __name__ == "__main__":
    main()
