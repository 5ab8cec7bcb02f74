"""A run's end, log and outputs, through cuts: over a real connection in memory."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from lanherd_client.run import Run
from lanherd_protocol.errors import ErrorCode, LanherdError, NotFoundError, error
from lanherd_protocol.messages import OutputsChanged
from lanherd_protocol.states import Ended, Running
from tests.support.scripted_agent import (
    ScriptedAgent,
    desk,
    ended,
    queued,
    run_id,
    running,
)

RUN = run_id(1)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def read_all(run: Run, into: bytearray) -> None:
    async for chunk in run.follow():
        assert chunk.offset == len(into)
        assert chunk.attempt == 1
        into.extend(chunk.data)


async def test_waits_until_the_end() -> None:
    agent = ScriptedAgent()
    agent.change(RUN, queued())
    async with desk(agent) as one:
        run = one.run(RUN)
        assert repr(run) == "<Run 00000001 on box>"
        async with asyncio.TaskGroup() as tasks:
            started = tasks.create_task(run.wait_started())
            over = tasks.create_task(run.wait())
            await one.until_mirrored()
            agent.change(RUN, running())
            assert isinstance((await started).state, Running)
            agent.change(RUN, ended())
            assert isinstance((await over).state, Ended)
        assert run.view == agent.runs[RUN]


async def test_waiting_goes_on_through_a_cut() -> None:
    agent = ScriptedAgent()
    agent.change(RUN, running())
    async with desk(agent) as one, asyncio.TaskGroup() as tasks:
        over = tasks.create_task(one.run(RUN).wait())
        await one.until_mirrored()
        one.wire.cut()
        agent.change(RUN, ended())
        assert isinstance((await over).state, Ended)


async def test_a_run_that_the_mirror_does_not_hold_is_asked_for() -> None:
    agent = ScriptedAgent()
    async with desk(agent) as one:
        await one.until(lambda: len(agent.feeds) == 2)
        agent.feeds.clear()
        agent.change(RUN, ended())
        assert (await one.run(RUN).wait()) == agent.runs[RUN]
        with pytest.raises(NotFoundError):
            await one.run(run_id(5)).wait()


async def test_stops() -> None:
    agent = ScriptedAgent()
    agent.change(RUN, running())
    async with desk(agent) as one:
        view = await one.run(RUN).stop(grace_s=3.0)
        assert isinstance(view.state, Ended)
        assert one.run(RUN).view == view


async def test_a_log_is_followed_from_before_its_start_to_its_end() -> None:
    agent = ScriptedAgent()
    agent.change(RUN, queued())
    async with desk(agent) as one:
        log = bytearray()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read_all(one.run(RUN), log))
            await one.until_mirrored()
            assert "logs.read" not in agent.calls
            agent.change(RUN, running())
            agent.write_log(RUN, b"one\n")
            await one.until(lambda: log == b"one\n")
            agent.write_log(RUN, b"two\n", complete=True)
        assert log == b"one\ntwo\n"


async def test_a_log_goes_on_at_its_byte_after_a_cut() -> None:
    agent = ScriptedAgent()
    agent.change(RUN, running())
    content = os.urandom(50_000)
    agent.write_log(RUN, content, complete=True)
    cuts = iter((3000, 7000))
    next_cut = next(cuts)

    async with desk(agent) as one:

        def cut(sent: int) -> None:
            nonlocal next_cut
            if sent == next_cut:
                next_cut = next(cuts, -1)
                one.wire.cut()
                one.session.wake()

        agent.while_sending = cut
        log = bytearray()
        await read_all(one.run(RUN), log)
        assert bytes(log) == content
        assert agent.calls.count("logs.read") == 3


async def test_a_run_that_never_started_has_no_log() -> None:
    agent = ScriptedAgent()
    agent.change(RUN, ended("cancelled", started_at=None))
    async with desk(agent) as one:
        assert [chunk async for chunk in one.run(RUN).follow()] == []
        assert "logs.read" not in agent.calls


async def test_the_build_log_needs_no_start() -> None:
    agent = ScriptedAgent()
    agent.change(RUN, queued())
    agent.write_log(RUN, b"Resolved 1 package\n", complete=True)
    async with desk(agent) as one:
        chunks = [chunk.data async for chunk in one.run(RUN).follow(source="build")]
        assert b"".join(chunks) == b"Resolved 1 package\n"


async def test_a_log_that_fails_is_said() -> None:
    agent = ScriptedAgent()
    agent.change(RUN, running())
    problem = error(ErrorCode.STORE_FAILED, "The disk is broken.")

    def fail(method: str, count: int) -> None:
        if method == "logs.read":
            raise problem

    agent.before_answer = fail
    agent.write_log(RUN, b"x", complete=True)
    async with desk(agent) as one:
        with pytest.raises(LanherdError, match="disk is broken"):
            await read_all(one.run(RUN), bytearray())


async def test_lines_are_whole_whatever_the_chunks() -> None:
    agent = ScriptedAgent()
    agent.change(RUN, running())
    text = "".join(f"Zeile {number} — ü\n" for number in range(400)) + "no end"
    agent.write_log(RUN, text.encode() + b"\xff", complete=True)
    async with desk(agent) as one:
        lines = [line async for line in one.run(RUN).lines()]
    assert lines == (text + "\N{REPLACEMENT CHARACTER}").split("\n")


async def test_a_line_without_end_comes_in_pieces() -> None:
    agent = ScriptedAgent()
    agent.change(RUN, running())
    agent.write_log(RUN, b"x" * (5 << 20) + b"\nshort", complete=True)
    async with desk(agent) as one:
        lines = [line async for line in one.run(RUN).lines()]
    assert lines[-1] == "short"
    assert "".join(lines[:-1]) == "x" * (5 << 20)
    assert max(map(len, lines)) <= 1 << 20


async def test_a_part_of_a_log() -> None:
    agent = ScriptedAgent()
    agent.change(RUN, running())
    agent.write_log(RUN, b"0123456789")
    async with desk(agent) as one:
        chunk = await one.run(RUN).read_log(3, 4)
        assert (chunk.attempt, chunk.offset, chunk.data) == (1, 3, b"3456")
        assert (await one.run(RUN).read_log()).data == b"0123456789"


# --- outputs -------------------------------------------------------------------------------------


def with_output(content: bytes) -> ScriptedAgent:
    agent = ScriptedAgent()
    agent.change(RUN, ended())
    agent.put_output(RUN, "model/weights.bin", content)
    return agent


async def test_outputs_are_listed_and_read() -> None:
    async with desk(with_output(b"0123456789")) as one:
        listing = await one.run(RUN).outputs()
        assert [(entry.path, entry.size_bytes) for entry in listing.entries] == [
            ("model/weights.bin", 10)
        ]
        assert await one.run(RUN).read_output("model/weights.bin", 2, 3) == b"234"


async def test_outputs_are_watched_through_a_cut() -> None:
    agent = with_output(b"1")
    seen: list[OutputsChanged] = []
    async with desk(agent) as one:

        async def watch() -> None:
            async for changed in one.run(RUN).watch_outputs():
                seen.append(changed)

        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watch())
            await one.until(lambda: len(seen) == 1)
            agent.put_output(RUN, "b.txt", b"2")
            await one.until(lambda: len(seen) == 2)
            one.wire.cut()
            agent.feeds.clear()
            agent.put_output(RUN, "c.txt", b"3")
            one.session.wake()
            await one.until(lambda: len(seen) == 3)
            await one.until(lambda: any(feed.feed.name == "outputs" for feed in agent.feeds))
            next(feed for feed in agent.feeds if feed.feed.name == "outputs").end()
            await watching
    assert [len(changed.entries) for changed in seen] == [1, 2, 3]


async def test_fetches_into_a_folder_or_to_a_name(tmp_path: Path) -> None:
    content = os.urandom(30_000)
    told: list[tuple[int, int]] = []
    async with desk(with_output(content)) as one:
        run = one.run(RUN)
        target = await run.fetch(
            "model/weights.bin", tmp_path, progress=lambda *done: told.append(done)
        )
        assert target == tmp_path / "weights.bin"
        assert target.read_bytes() == content
        assert told[-1] == (30_000, 30_000)
        assert await run.fetch("model/weights.bin", tmp_path / "w") == tmp_path / "w"
    assert names(tmp_path) == ["w", "weights.bin"]


async def test_a_fetch_goes_on_after_a_cut(tmp_path: Path) -> None:
    content = os.urandom(30_000)
    agent = with_output(content)
    sent: list[int] = []
    async with desk(agent) as one:

        def cut_once(count: int) -> None:
            sent.append(count)
            if len(sent) == 10:
                one.wire.cut()
                one.session.wake()

        agent.while_sending = cut_once
        target = await one.run(RUN).fetch("model/weights.bin", tmp_path)
        assert target.read_bytes() == content
        assert len(sent) < 10 + 30


async def test_a_fetch_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    content = os.urandom(30_000)
    agent = with_output(content)
    async with desk(agent) as one:
        run = one.run(RUN)

        def stop(done_bytes: int, total_bytes: int) -> None:
            raise InterruptedError

        with pytest.raises(InterruptedError):
            await run.fetch("model/weights.bin", tmp_path, progress=stop)
        (partial,) = names(tmp_path)
        kept_bytes = len((tmp_path / partial).read_bytes())
        assert kept_bytes > 0
        begun_at: list[int] = []
        target = await run.fetch(
            "model/weights.bin", tmp_path, progress=lambda done, _: begun_at.append(done)
        )
        assert begun_at[0] > kept_bytes
        assert target.read_bytes() == content
        assert names(tmp_path) == ["weights.bin"]


async def test_a_file_that_keeps_changing_is_said(tmp_path: Path) -> None:
    agent = with_output(b"x" * 5000)
    async with desk(agent) as one:

        def touch(count: int) -> None:
            agent.outputs_modified_at += 1

        agent.while_sending = touch
        with pytest.raises(LanherdError, match="kept changing") as caught:
            await one.run(RUN).fetch("model/weights.bin", tmp_path)
        assert caught.value.code is ErrorCode.CONFLICT
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("path", "title", "code"),
    [
        # It is there, and can't be had so: a slip of the same kind as a link's name.
        ("model", "is a folder", ErrorCode.INVALID_REQUEST),
        ("nothing", "no output 'nothing'", ErrorCode.NOT_FOUND),
    ],
)
async def test_what_is_no_file_is_not_fetched(
    path: str, title: str, code: ErrorCode, tmp_path: Path
) -> None:
    async with desk(with_output(b"1")) as one:
        with pytest.raises(LanherdError, match=title) as caught:
            await one.run(RUN).fetch(path, tmp_path)
        assert caught.value.code is code


async def test_a_folder_that_is_missing_is_said_before_anything_moves(tmp_path: Path) -> None:
    agent = with_output(b"1")
    async with desk(agent) as one:
        with pytest.raises(LanherdError, match="There is no folder"):
            await one.run(RUN).fetch("model/weights.bin", tmp_path / "no" / "such")
    assert "outputs.read" not in agent.calls


async def test_a_file_is_written_over_only_when_that_is_said(tmp_path: Path) -> None:
    target = tmp_path / "mine"
    target.write_bytes(b"precious")
    async with desk(with_output(b"1")) as one:
        run = one.run(RUN)
        with pytest.raises(LanherdError, match="is there already") as caught:
            await run.fetch("model/weights.bin", target)
        assert caught.value.code is ErrorCode.CONFLICT
        assert target.read_bytes() == b"precious"
        await run.fetch("model/weights.bin", target, overwrite=True)
    assert target.read_bytes() == b"1"
    assert names(tmp_path) == ["mine"]


async def test_a_name_that_is_taken_meanwhile_is_not_written_over(tmp_path: Path) -> None:
    target = tmp_path / "mine"
    async with desk(with_output(b"1")) as one:
        with pytest.raises(LanherdError, match="is there already"):
            await one.run(RUN).fetch(
                "model/weights.bin", target, progress=lambda *_: target.touch(exist_ok=True)
            )
    assert target.read_bytes() == b""


@pytest.mark.parametrize("kind", ["a link", "a pipe", "a socket", "a device"])
async def test_what_is_no_plain_file_is_never_replaced(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    target = tmp_path / "target"
    with socket.socket(socket.AF_UNIX) as listener:
        if kind == "a link":
            target.symlink_to("nowhere")
        elif kind == "a pipe":
            os.mkfifo(target)
        elif kind == "a socket":
            listener.bind("target")
        else:
            target = Path(os.devnull)
        async with desk(with_output(b"1")) as one:
            with pytest.raises(LanherdError, match=kind) as caught:
                await one.run(RUN).fetch("model/weights.bin", target, overwrite=True)
    assert caught.value.code is ErrorCode.CONFLICT
    assert names(tmp_path) == ([] if kind == "a device" else ["target"])


async def test_a_place_that_can_not_be_written_is_said(tmp_path: Path) -> None:
    target = tmp_path / "weights.bin"
    (target / "inside").mkdir(parents=True)
    (target / "weights.bin").mkdir()
    async with desk(with_output(b"1")) as one:
        with pytest.raises(LanherdError, match=r"weights\.bin can't be written"):
            await one.run(RUN).fetch("model/weights.bin", target)
