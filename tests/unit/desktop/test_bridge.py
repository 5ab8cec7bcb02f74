import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Qt, Signal
from pytestqt.qtbot import QtBot

from lanherd_client.fleet import Fleet
from lanherd_desktop.bridge import CLOSING, Bridge, Job, in_thread, some_at_a_time
from lanherd_desktop.state.room import RoomUpdate
from lanherd_desktop.streams import LogPart, LogStream, OutputsStream
from lanherd_protocol.errors import ErrorCode, Failure, error
from lanherd_protocol.ids import DeviceId
from tests.support.synthetic_room import machine_id, run_id

WITHIN_MS = 10_000


class Heard:
    """What a question's callbacks were told."""

    def __init__(self) -> None:
        self.done: list[object] = []
        self.failed: list[Failure] = []
        self.progress: list[object] = []
        self.threads: set[int] = set()

    def on_done(self, result: object) -> None:
        self.threads.add(threading.get_ident())
        self.done.append(result)

    @property
    def over(self) -> bool:
        return bool(self.done or self.failed)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def home() -> Path:
    return Path(os.environ["LANHERD_HOME"])


@pytest.fixture
def bridge(qtbot: QtBot, home: Path) -> Iterator[Bridge]:
    made = Bridge(home)
    yield made
    made.close()


async def device(fleet: Fleet, job: Job[DeviceId]) -> DeviceId:
    return fleet.device


def test_an_answer_comes_in_the_window_s_own_thread(
    bridge: Bridge, heard: Heard, qtbot: QtBot
) -> None:
    bridge.start()
    bridge.ask(device, heard.on_done, heard.failed.append)
    qtbot.waitUntil(lambda: heard.over, timeout=WITHIN_MS)
    assert len(str(heard.done[0])) == 64
    assert heard.threads == {threading.get_ident()}


def test_what_is_asked_before_the_fleet_is_open_waits_for_it(
    bridge: Bridge, heard: Heard, qtbot: QtBot
) -> None:
    bridge.ask(device, heard.on_done, heard.failed.append)
    bridge.tick()
    assert not heard.over
    bridge.start()
    qtbot.waitUntil(lambda: heard.over, timeout=WITHIN_MS)
    assert heard.done and not heard.failed


def test_the_first_update_comes_by_itself(bridge: Bridge, qtbot: QtBot) -> None:
    with qtbot.waitSignal(bridge.room_updated, timeout=WITHIN_MS) as told:
        bridge.start()
    assert told.args == [RoomUpdate(sightings=())]


def test_a_failure_is_told_as_it_came(bridge: Bridge, heard: Heard, qtbot: QtBot) -> None:
    problem = error(ErrorCode.DISK_FULL, "The disk is full.", "By 3 GB.", "Make room.")

    async def fails(fleet: Fleet, job: Job[None]) -> None:
        raise problem

    bridge.start()
    bridge.ask(fails, heard.on_done, heard.failed.append)
    qtbot.waitUntil(lambda: heard.over, timeout=WITHIN_MS)
    assert heard.failed == [problem.failure]


@pytest.mark.expects_logs("a question of the window failed", reason="the bug is the subject")
def test_a_bug_is_told_and_the_bridge_goes_on(bridge: Bridge, heard: Heard, qtbot: QtBot) -> None:
    async def bug(fleet: Fleet, job: Job[None]) -> None:
        raise ZeroDivisionError("by zero")

    bridge.start()
    bridge.ask(bug, heard.on_done, heard.failed.append)
    qtbot.waitUntil(lambda: heard.over, timeout=WITHIN_MS)
    assert heard.failed[0].code is ErrorCode.INTERNAL
    assert "by zero" in heard.failed[0].message
    bridge.ask(device, heard.on_done, heard.failed.append)
    qtbot.waitUntil(lambda: bool(heard.done), timeout=WITHIN_MS)


def test_of_progress_the_latest_is_told_once_a_tick(
    bridge: Bridge, heard: Heard, qtbot: QtBot
) -> None:
    go = threading.Event()

    async def counts(fleet: Fleet, job: Job[str]) -> str:
        for number in range(1, 1001):
            job.progress(number)
        await in_thread(lambda: go.wait(10))
        return "over"

    bridge.start()
    bridge.ask(counts, heard.on_done, heard.failed.append, heard.progress.append)
    qtbot.waitUntil(lambda: bool(heard.progress), timeout=WITHIN_MS)
    go.set()
    qtbot.waitUntil(lambda: heard.over, timeout=WITHIN_MS)
    assert heard.progress[-1] == 1000 and len(heard.progress) <= 2
    assert heard.done == ["over"]


def test_a_cancelled_question_ends_and_says_nothing(
    bridge: Bridge, heard: Heard, qtbot: QtBot
) -> None:
    begun, ended = threading.Event(), threading.Event()

    async def waits(fleet: Fleet, job: Job[None]) -> None:
        begun.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.set()

    bridge.start()
    job = bridge.ask(waits, heard.on_done, heard.failed.append)
    qtbot.waitUntil(begun.is_set, timeout=WITHIN_MS)
    job.cancel()
    qtbot.waitUntil(ended.is_set, timeout=WITHIN_MS)
    at_once = bridge.ask(waits, heard.on_done, heard.failed.append)
    at_once.cancel()
    bridge.tick()
    assert not heard.over
    assert not bridge._jobs


def test_those_who_asked_may_be_gone(bridge: Bridge, heard: Heard, qtbot: QtBot) -> None:
    done = threading.Event()

    async def works(fleet: Fleet, job: Job[None]) -> None:
        done.set()

    bridge.start()
    bridge.ask(works, heard.on_done, heard.failed.append)
    bridge.forget_questions()
    qtbot.waitUntil(done.is_set, timeout=WITHIN_MS)
    bridge.tick()
    assert not heard.over


def test_a_home_that_cannot_be_used_is_told_to_all_who_ask(
    qtbot: QtBot, home: Path, heard: Heard
) -> None:
    home.rmdir()
    home.write_text("a file")
    bridge = Bridge(home)
    bridge.ask(device, heard.on_done, heard.failed.append)
    with qtbot.waitSignal(bridge.failed, timeout=WITHIN_MS) as told:
        bridge.start()
    bridge.ask(device, heard.on_done, heard.failed.append)
    qtbot.waitUntil(lambda: len(heard.failed) == 2, timeout=WITHIN_MS)
    assert told.args[0].code is ErrorCode.HOME_UNUSABLE
    assert {failure.code for failure in heard.failed} == {ErrorCode.HOME_UNUSABLE}
    bridge.close()


def test_after_the_end_every_question_is_answered(bridge: Bridge, heard: Heard) -> None:
    bridge.start()
    bridge.close()
    bridge.ask(device, heard.on_done, heard.failed.append)
    bridge.tick()
    assert heard.failed == [CLOSING]
    bridge.start()  # nothing begins again


def test_a_stream_of_what_is_not_there_ends_with_the_reason(
    bridge: Bridge, heard: Heard, qtbot: QtBot
) -> None:
    ends: list[Failure | None] = []
    place = machine_id("nowhere"), run_id(1)
    bridge.start()
    bridge.open_log(
        LogStream(
            *place,
            on_chunk=lambda data, at: None,
            on_end=ends.append,
            on_gap=lambda to, kind: None,
            part=LogPart(),
        )
    )
    bridge.watch_outputs(OutputsStream(*place, on_listing=lambda listing: None, on_end=ends.append))
    qtbot.waitUntil(lambda: len(ends) == 2, timeout=WITHIN_MS)
    assert [end.code for end in ends if end is not None] == [ErrorCode.NOT_FOUND] * 2
    bridge.tick()
    assert not bridge._streams


class Emitter(QObject):
    told = Signal(object)
    flagged = Signal(bool)


def test_five_thousand_signals_from_another_thread(qtbot: QtBot) -> None:
    """PySide6 6.12.0 dropped a reference to False at each emit, and aborted after some."""
    emitter = Emitter()
    objects: list[object] = []
    flags: list[bool] = []
    emitter.told.connect(objects.append, Qt.ConnectionType.QueuedConnection)
    emitter.flagged.connect(flags.append, Qt.ConnectionType.QueuedConnection)

    def emit() -> None:
        for number in range(5000):
            emitter.told.emit(RoomUpdate() if number % 2 else False)
            emitter.flagged.emit(number % 2 == 0)

    thread = threading.Thread(target=emit)
    thread.start()
    qtbot.waitUntil(lambda: len(objects) == len(flags) == 5000, timeout=30_000)
    thread.join()
    assert flags.count(False) == 2500


def test_some_are_done_at_a_time_and_all_in_the_end() -> None:
    done: list[int] = []
    at_work: set[int] = set()
    most = 0

    async def work(number: int) -> None:
        nonlocal most
        at_work.add(number)
        most = max(most, len(at_work))
        await asyncio.sleep(0)
        at_work.discard(number)
        done.append(number)

    asyncio.run(some_at_a_time(range(50), work, 8))
    assert sorted(done) == list(range(50)) and most == 8
