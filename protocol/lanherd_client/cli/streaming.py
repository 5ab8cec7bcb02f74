"""A log on its way to stdout, and what is told beside it on stderr."""

import asyncio
import sys
from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

from lanherd_client.changes import MachineChanged, RunChanged
from lanherd_client.cli import talk, words
from lanherd_client.cli.terminal import TerminalFilter, one_line, plain
from lanherd_client.mirror import MachineView, Refused, Unreachable
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.states import Ended, Preparing, Queued, Running, RunView

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet
    from lanherd_client.run import LogChunk, Run

Result = TypeVar("Result")


class LogWriter:
    """Writes log bytes to stdout: as they are into a pipe or file, cleaned on a terminal.

    The writing is done in a thread, since whoever reads our output may be slow.
    """

    def __init__(self) -> None:
        self._filter = TerminalFilter() if sys.stdout.isatty() else None

    async def write(self, data: bytes) -> None:
        await asyncio.to_thread(self._write, data, False)

    async def finish(self) -> None:
        await asyncio.to_thread(self._write, b"", True)

    def _write(self, data: bytes, final: bool) -> None:
        if self._filter is None:
            sys.stdout.buffer.write(data)
            last = data[-1:].decode("latin-1")
        else:
            text = self._filter.feed(data, final)
            sys.stdout.write(text)
            last = text[-1:]
        sys.stdout.flush()
        if last:
            talk.data_left(within_line=last != "\n")


class JsonLogWriter:
    """Writes each line of a log as one JSON object with its address."""

    def __init__(self) -> None:
        self._waiting = b""
        self._attempt = 0
        self._offset = 0

    def write(self, chunk: "LogChunk") -> None:
        if not self._waiting:
            self._offset = chunk.offset
        self._attempt = chunk.attempt
        *whole, self._waiting = (self._waiting + chunk.data).split(b"\n")
        for line in whole:
            self._put(line)
            self._offset += len(line) + 1

    def finish(self) -> None:
        if self._waiting:
            self._put(self._waiting)

    def _put(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace")
        talk.put_json_line({"attempt": self._attempt, "offset": self._offset, "text": text})


async def told(
    fleet: "Fleet", run: "Run", work: Awaitable[Result], narrator: "Narrator | None" = None
) -> Result:
    """Does the work while cuts, and what the run waits for, are told on stderr."""
    narrator = narrator or Narrator(run)
    async with TaskOwner("narrator") as tasks:
        tasks.spawn(narrator.narrate(fleet), "narrate")
        return await work


async def told_link(fleet: "Fleet", machine: MachineView, work: Awaitable[Result]) -> Result:
    """Does the work while it is told on stderr that it waits for the machine."""

    async def narrate() -> None:
        lost = False
        with fleet.changes() as changes:
            while await changes.batch():
                view = fleet.machine(machine.machine)
                gone = view is not None and isinstance(view.link, Unreachable | Refused)
                if gone and not lost:
                    talk.say(
                        f"\nThe connection to {plain(machine.name)} was lost."
                        " Waiting for it; Ctrl+C gives up."
                    )
                elif lost and not gone:
                    talk.say(f"Connected to {plain(machine.name)} again.")
                lost = gone

    async with TaskOwner("narrator") as tasks:
        tasks.spawn(narrate(), "narrate")
        return await work


class Narrator:
    """Tells what a run does. Where its log is printed too, nothing is told of a later attempt than
    the one that is `shown`: its last lines are still on their way."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        self._shown: int | None = None
        self._last = ""

    def shows(self, attempt: int) -> None:
        """The log of this attempt is printed from now on, and those before it have been."""
        self._shown = attempt
        self._tell()

    async def narrate(self, fleet: "Fleet") -> None:
        run, lost = self._run, False
        with fleet.changes() as changes:
            while batch := await changes.batch():
                if MachineChanged(run.machine) in batch:
                    lost = _tell_link(fleet, run, lost)
                if RunChanged(run.machine, run.id) in batch or not self._last:
                    self._tell()

    def _tell(self) -> None:
        view = self._run.view
        if view is not None and (self._shown is None or view.attempt <= self._shown):
            self._last = _tell_state(view, self._last)


def _tell_link(fleet: "Fleet", run: "Run", lost: bool) -> bool:
    view = fleet.machine(run.machine)
    if view is None:
        return lost
    gone = isinstance(view.link, Unreachable | Refused)
    if gone and not lost:
        talk.say(f"The connection to {run.machine_name} was lost; the run goes on. Trying again.")
    if lost and view.online:
        talk.say(f"Connected to {run.machine_name} again.")
    return gone or (lost and not view.online)


def _tell_state(view: RunView, last: str) -> str:
    match view.state:
        case Queued(reason=reason):
            text = f"Waiting: {one_line(reason.text)}"
        case Preparing():
            text = f"Preparing: {words.preparing(view.state)}."
        case Running():
            text = "Running."
        case _:
            return last
    if text != last:
        talk.say(text)
    return text


def say_end(view: RunView) -> int:
    """Says how a run ended; the exit code for it."""
    state = view.state
    if not isinstance(state, Ended):
        return talk.FAILED
    first, *more = state.reason.text.splitlines() or [""]
    talk.say(f"The run {words.outcome_phrase(state.outcome)}. {plain(first)}")
    talk.say_lines("\n".join(more))
    if state.outcome != "succeeded":
        talk.say_lines(state.reason.remedy)
    return talk.OK if state.outcome == "succeeded" else talk.FAILED
