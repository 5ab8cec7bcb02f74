"""The agent's connection to the launcher: starts, signals, and the news of ends.

The launcher may come and go; the run directories decide. After a lost connection a start is sent
again (its claim makes it one start), and every attempt that was being watched is looked up: either
the launcher that is there now has it, or its exit.json is there, or its shim is still alive and is
waited for by its pidfd. An exit is told at least once.
"""

import asyncio
import enum
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from lanherd_agent.runs import rundir, shim
from lanherd_agent.runs.launcher_process import LauncherProcess, LauncherUnavailableError

CALL_S_MAX = 10.0
START_TRIES = 6
TORN_RETRY_S = 0.03
RECONNECT_S = 0.2
RECONNECT_S_MAX = 5.0
CALLS_MAX = 4096
DATAGRAM_BYTES_MAX = 256 * 1024
DATAGRAMS_PER_TURN = 32
VERSION = 1


@dataclass(frozen=True)
class Started:
    directory: Path
    pid: int
    start_time_ticks: int
    boot_id: str
    at: float
    existing: bool  # it had been started before: this call started nothing


@dataclass(frozen=True)
class Exited:
    directory: Path
    exit: rundir.Exit


@dataclass(frozen=True)
class LinkUp:
    launcher_pid: int


@dataclass(frozen=True)
class LinkDown:
    reason: str


class StartFailure(enum.StrEnum):
    EXEC = "exec"  # as for CWD: the attempt has ended, and exit.json says so
    CWD = "cwd"
    SPEC = "spec"  # as for all below: nothing ran
    IO = "io"
    FORK = "fork"
    TORN = "torn"
    SHIM_KILLED = "shim_killed"
    DRAINING = "draining"


class StartFailedError(Exception):
    def __init__(self, kind: StartFailure, errno: int, text: str, exit_: rundir.Exit | None):
        super().__init__(f"{kind.value}: {text}")
        self.kind, self.errno, self.text, self.exit = kind, errno, text, exit_


class NotRunningError(Exception):
    """A signal for an attempt that is not live in this launcher."""


class _LinkLostError(Exception):
    pass


class _Message(msgspec.Struct, frozen=True):
    id: int | None = None
    event: str | None = None
    dir: str = ""
    start: rundir.Start | None = None
    exit: rundir.Exit | None = None
    started: rundir.Start | None = None
    existing: bool = False
    error: rundir.ExitError | None = None
    version: int = 0
    pid: int = 0
    kill: str = "walk"
    why_walk: str = ""
    signalled: int = 0


_decoder = msgspec.json.Decoder(list[_Message])


@dataclass
class _Link:
    sock: socket.socket
    lost: asyncio.Future[str]
    calls: dict[int, asyncio.Future[_Message]] = field(default_factory=dict)
    live: set[Path] = field(default_factory=set)
    sending: asyncio.Lock = field(default_factory=asyncio.Lock)


class LauncherClient:
    """`run()` keeps the connection until it is cancelled; the other methods wait for it.

    `on_exited` and `on_link` are called in the event loop and must not block.
    """

    def __init__(
        self,
        process: LauncherProcess,
        on_exited: Callable[[Exited], None],
        on_link: Callable[[LinkUp | LinkDown], None],
    ) -> None:
        self._process, self._on_exited, self._on_link = process, on_exited, on_link
        self._link: _Link | None = None
        self._up = asyncio.Event()
        self._next_id = 0
        self._watched: set[Path] = set()  # started or watched, and not known to have ended
        self._pidfds: dict[Path, int] = {}
        self.kill: Literal["cgroup", "walk"] | None = None
        """How the launcher ends a run's processes: in a cgroup, which is certain, or by a walk
        over /proc, for `why_walk`; None until there was a launcher."""
        self.why_walk = ""

    async def run(self) -> None:
        delay_s = RECONNECT_S
        try:
            while True:
                try:
                    reason = await self._serve(await self._process.connect())
                    delay_s = RECONNECT_S
                except LauncherUnavailableError as error:
                    reason = str(error)
                    delay_s = min(delay_s * 2, RECONNECT_S_MAX)
                self._on_link(LinkDown(reason))
                await asyncio.sleep(delay_s)
        finally:
            for path in list(self._pidfds):
                self._close_pidfd(path)

    async def start(self, directory: Path) -> Started:
        """Starts the attempt whose spec.json is in `directory`, once, however often it is called.

        Raises StartFailedError, and LauncherUnavailableError if there is no answer: then whether
        it was started is not known, and the call may be repeated.
        """
        self._watched.add(directory)
        for _ in range(START_TRIES):
            try:
                reply = await self._call({"verb": "start", "dir": str(directory)})
            except _LinkLostError:
                continue
            if reply.started is not None and reply.started.pid > 0:
                return self._on_started(directory, reply.started, reply.existing)
            if reply.error is not None and reply.error.kind != StartFailure.TORN:
                raise self._start_failed(directory, reply.error, reply.exit)
            await asyncio.sleep(TORN_RETRY_S)  # another launcher's shim is in the act of starting
        start = self._claimed(directory)
        if start is not None:
            return self._on_started(directory, start, existing=True)
        if self._link is None:
            raise LauncherUnavailableError("the launcher was lost again and again during a start")
        torn = rundir.ExitError(kind=StartFailure.TORN, errno=0, text="start.json is torn")
        raise self._start_failed(directory, torn, None)

    async def signal(
        self, directory: Path, signo: int, *, kill_after_s: float | None = None
    ) -> int:
        """Signals the attempt's whole process tree; how many processes got it.

        With `kill_after_s`, the launcher kills what is left then, agent or no agent.
        """
        request: dict[str, object] = {"verb": "signal", "dir": str(directory), "signal": signo}
        if kill_after_s is not None:
            request["kill_after_s"] = kill_after_s
        try:
            reply = await self._call(request)
        except _LinkLostError as error:
            raise LauncherUnavailableError("the launcher was lost during a signal") from error
        if reply.error is None:
            return reply.signalled
        # It may be another launcher than the one that started it, and was killed since.
        signalled = await asyncio.to_thread(_signal_stray, directory, signo)
        if not signalled:
            raise NotRunningError(f"{directory}: {reply.error.text}")
        return signalled

    async def watch(self, directory: Path) -> None:
        """Asks for the end of an attempt that an earlier agent started (told at once if it has)."""
        self._watched.add(directory)
        await self._wait_up()
        self._look_up(directory)

    # The connection

    async def _serve(self, sock: socket.socket) -> str:
        loop = asyncio.get_running_loop()
        link = _Link(sock, loop.create_future())
        loop.add_reader(sock.fileno(), self._on_readable, link)
        try:
            hello = await self._request(link, {"verb": "hello", "version": VERSION})
            if hello.version != VERSION:
                return f"the launcher speaks version {hello.version}, this agent {VERSION}"
            self._link = link
            self.kill = "cgroup" if hello.kill == "cgroup" else "walk"
            self.why_walk = hello.why_walk
            for directory in list(self._watched):
                self._look_up(directory)
            self._on_link(LinkUp(hello.pid))
            self._up.set()
            return await link.lost
        except _LinkLostError as error:
            return str(error)
        finally:
            self._link = None
            self._up.clear()
            loop.remove_reader(sock.fileno())
            sock.close()
            for call in link.calls.values():
                if not call.done():
                    call.set_exception(_LinkLostError("the launcher is gone"))

    async def _wait_up(self) -> _Link:
        try:
            async with asyncio.timeout(CALL_S_MAX):
                while self._link is None:
                    await self._up.wait()
                return self._link
        except TimeoutError as error:
            raise LauncherUnavailableError("there is no launcher") from error

    async def _call(self, request: dict[str, object]) -> _Message:
        return await self._request(await self._wait_up(), request)

    async def _request(self, link: _Link, request: dict[str, object]) -> _Message:
        if len(link.calls) >= CALLS_MAX:
            raise LauncherUnavailableError(f"{CALLS_MAX} calls are waiting for the launcher")
        loop = asyncio.get_running_loop()
        self._next_id += 1
        number = self._next_id
        reply: asyncio.Future[_Message] = loop.create_future()
        link.calls[number] = reply
        try:
            async with asyncio.timeout(CALL_S_MAX), link.sending:
                data = msgspec.json.encode(request | {"id": number})
                await loop.sock_sendall(link.sock, data)
            async with asyncio.timeout(CALL_S_MAX):
                return await reply
        except OSError as error:
            if isinstance(error, TimeoutError):
                self._lose(link, "the launcher does not answer")
                raise LauncherUnavailableError("the launcher does not answer") from error
            self._lose(link, str(error))
            raise _LinkLostError(str(error)) from error
        finally:
            link.calls.pop(number, None)

    def _lose(self, link: _Link, reason: str) -> None:
        if not link.lost.done():
            link.lost.set_result(reason)

    def _on_readable(self, link: _Link) -> None:
        for _ in range(DATAGRAMS_PER_TURN):
            try:
                data = link.sock.recv(DATAGRAM_BYTES_MAX)
                messages = _decoder.decode(data) if data else None
            except BlockingIOError:
                return
            except (OSError, msgspec.MsgspecError) as error:
                messages, reason = None, f"the launcher's words can't be read: {error}"
            else:
                reason = "the launcher ended"
            if messages is None:
                self._on_gone(link, reason)
                return
            for message in messages:
                self._on_message(link, message)

    def _on_gone(self, link: _Link, reason: str) -> None:
        asyncio.get_running_loop().remove_reader(link.sock.fileno())
        self._lose(link, reason)
        for call in link.calls.values():
            if not call.done():
                call.set_exception(_LinkLostError(reason))

    def _on_message(self, link: _Link, message: _Message) -> None:
        if message.id is not None:
            call = link.calls.get(message.id)
            if call is not None and not call.done():
                call.set_result(message)
        elif message.event == "live":
            link.live.add(Path(message.dir))
        elif message.event == "exited":
            link.live.discard(Path(message.dir))
            if message.exit is not None:
                self._ended(Path(message.dir), message.exit)
            else:
                self._look_up(Path(message.dir))  # from disk, where it may be anything

    # Attempts

    def _on_started(self, directory: Path, start: rundir.Start, existing: bool) -> Started:
        if existing:
            self._look_up(directory)
        return Started(
            directory, start.pid, start.start_time, start.boot_id, start.at, existing=existing
        )

    def _start_failed(
        self, directory: Path, error: rundir.ExitError, exit_: rundir.Exit | None
    ) -> StartFailedError:
        self._watched.discard(directory)
        return StartFailedError(StartFailure(error.kind), error.errno, error.text, exit_)

    def _claimed(self, directory: Path) -> rundir.Start | None:
        try:
            return rundir.read_start(rundir.AttemptDir(directory))
        except rundir.RunDirError:
            return None  # torn: told as that by the caller

    def _ended(self, directory: Path, exit_: rundir.Exit) -> None:
        self._watched.discard(directory)
        self._close_pidfd(directory)
        self._on_exited(Exited(directory, exit_))

    def _look_up(self, directory: Path) -> None:
        """Sees to it that the end of this attempt will be told, by the launcher or from disk."""
        if self._link is not None and directory in self._link.live:
            return
        self._close_pidfd(directory)  # that shim may have gone on to another attempt
        attempt = rundir.AttemptDir(directory)
        try:
            start, exit_ = rundir.read_start(attempt), rundir.read_exit(attempt)
        except rundir.RunDirError as flaw:
            self._ended(directory, _unknown(f"its run directory can't be trusted: {flaw}"))
            return
        if exit_ is not None:
            self._ended(directory, exit_)
        elif start is not None and not self._await_process(directory, start):
            self._on_process_gone(directory)

    def _await_process(self, directory: Path, start: rundir.Start) -> bool:
        """Waits for the shim, or for the command if the shim is gone; False if neither is there."""
        if not rundir.is_alive(start):
            return False
        pids = [(start.shim_pid, start.shim_start_time), (start.pid, start.start_time)]
        for pid, started in pids:
            fd = rundir.open_process(pid, started)
            if fd is not None:
                self._pidfds[directory] = fd
                loop = asyncio.get_running_loop()
                loop.add_reader(fd, self._on_process_gone, directory)
                return True
        return False

    def _on_process_gone(self, directory: Path) -> None:
        self._close_pidfd(directory)
        attempt = rundir.AttemptDir(directory)
        try:
            start, exit_ = rundir.read_start(attempt), rundir.read_exit(attempt)
        except rundir.RunDirError as flaw:
            exit_ = _unknown(f"its run directory can't be trusted: {flaw}")
            start = None
        if exit_ is not None:
            self._ended(directory, exit_)
        elif start is None or not self._await_process(directory, start):
            self._ended(directory, _unknown("its shim and its launcher were both killed"))

    def _close_pidfd(self, directory: Path) -> None:
        fd = self._pidfds.pop(directory, None)
        if fd is not None:
            asyncio.get_running_loop().remove_reader(fd)
            os.close(fd)


def _signal_stray(directory: Path, signo: int) -> int:
    """Signals the process tree of an attempt that no launcher has: how many processes got it."""
    try:
        start = rundir.read_start(rundir.AttemptDir(directory))
    except rundir.RunDirError:
        return 0  # nobody knows which processes those would be
    table = shim.process_table()
    if start is None or not rundir.is_alive(start) or rundir.AttemptDir(directory).exit.exists():
        return 0  # asked after the table was read: its shim may serve another attempt since
    if start.shim_pid in table and table[start.shim_pid][2] == start.shim_start_time:
        return shim.signal_all(shim.descendants([start.shim_pid], table), signo)
    is_command = start.pid in table and table[start.pid][2] == start.start_time
    roots = shim.of_attempt(list(table), table, str(directory), start.pid if is_command else -1)
    processes = {pid: table[pid][2] for pid in roots} | shim.descendants(roots, table)
    return shim.signal_all(processes, signo)


def _unknown(text: str) -> rundir.Exit:
    error = rundir.ExitError(kind="unknown", errno=0, text=text)
    return rundir.Exit(at=time.time(), error=error, witness="agent")
