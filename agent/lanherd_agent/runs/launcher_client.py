"""The agent's connection to the launcher: starts, signals, and the news of ends.

The launcher may come and go; the run directories decide. After a lost connection a start is sent
again (its claim makes it one start), and every attempt that was being watched is looked up: either
the launcher that is there now has it, or its exit.json is there, or its shim is still alive and is
waited for by its pidfd. Without its shim, too, it is given to the launcher to adopt. An exit is
told at least once. An attempt whose records can't be trusted is over once nothing of it lives.

A launcher that ends (it was told to, or it is of another version and was told to by this) takes no
new start, but stays for its live attempts: its link is kept for these, beside its successor's.
"""

import asyncio
import enum
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from lanherd_agent.fail_points import ARMED, hit
from lanherd_agent.runs import rundir
from lanherd_agent.runs.launcher_process import LauncherProcess, LauncherUnavailableError
from lanherd_agent.runs.launcher_words import Message, decoder
from lanherd_agent.runs.strays import processes_of, signal_stray, until_gone
from lanherd_agent.runs.watch import NO_RECORD

CALL_S_MAX = 10.0
START_TRIES = 6
TORN_RETRY_S = 0.03
RECONNECT_S = 0.2
RECONNECT_S_MAX = 5.0
CALLS_MAX = 4096
DATAGRAM_BYTES_MAX = 256 * 1024
DATAGRAMS_PER_TURN = 32
OLD_LINKS_MAX = 8
VERSION = 2
UNTRUSTED = "untrusted"  # the kind of an exit that nobody saw, where no record can be trusted


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


@dataclass
class _Link:
    sock: socket.socket
    lost: asyncio.Future[str]
    over: asyncio.Future[str]
    """Of no use for new starts: lost, or its launcher is about to end."""
    pid: int = 0
    calls: dict[int, asyncio.Future[Message]] = field(default_factory=dict)
    starts: dict[int, Path] = field(default_factory=dict)  # what a call is to start
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
        self._old: list[_Link] = []  # to launchers that stay for their live attempts only
        self._up = asyncio.Event()
        self._next_id = 0
        self._held: set[Path] = set()
        self._watched: set[Path] = set()  # started or watched, and not known to have ended
        self._pidfds: dict[Path, int] = {}  # of the shims that are no present launcher's
        self._tasks = asyncio.TaskGroup()
        self.kill: Literal["cgroup", "walk"] | None = None
        """How the launcher ends a run's processes: in a cgroup, which is certain, or by a walk
        over /proc, for `why_walk`; None until there was a launcher."""
        self.why_walk = ""

    async def run(self) -> None:
        delay_s = RECONNECT_S
        try:
            async with asyncio.TaskGroup() as self._tasks:
                while True:
                    try:
                        link = await self._open(await self._process.connect())
                        delay_s, reason = RECONNECT_S, await link.over
                        self._leave(link)
                        if link.lost.done():
                            self._close(link)
                        else:
                            self._tasks.create_task(self._keep_old(link))
                    except LauncherUnavailableError as error:
                        reason = str(error)
                        delay_s = min(delay_s * 2, RECONNECT_S_MAX)
                    self._on_link(LinkDown(reason))
                    await asyncio.sleep(delay_s)
        finally:
            for link in (*self._old, *([self._link] if self._link else [])):
                self._close(link)
            for path in list(self._pidfds):
                self._close_pidfd(path)

    async def start(self, directory: Path) -> Started:
        """Starts the attempt whose spec.json is in `directory`, once, however often it is called.

        Raises StartFailedError, and LauncherUnavailableError if there is no answer: then whether
        it was started is not known, and the call may be repeated.
        """
        self._watched.add(directory)
        for _ in range(START_TRIES):
            link = await self._wait_up()
            request: dict[str, object] = {"verb": "start", "dir": str(directory)}
            try:
                reply = await self._request(link, request, starts=directory)
            except _LinkLostError:
                continue
            if reply.started is not None and reply.started.pid > 0:
                return self._on_started(directory, reply.started, reply.existing)
            if reply.error is not None and reply.error.kind == StartFailure.DRAINING:
                self._drain(link)
                continue
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
        its_own = [link for link in self._links() if directory in link.live]
        link = its_own[0] if its_own else await self._wait_up()
        try:
            reply = await self._request(link, request)
            if reply.error is not None:
                # It may be another launcher than the one that started it, and was killed since.
                adopt: dict[str, object] = {"verb": "adopt", "dir": str(directory)}
                if (await self._request(link, adopt, starts=directory)).error is None:
                    reply = await self._request(link, request)
        except _LinkLostError as error:
            raise LauncherUnavailableError("the launcher was lost during a signal") from error
        if reply.error is None:
            return reply.signalled
        signalled = await asyncio.to_thread(signal_stray, directory, signo, kill_after_s)
        if not signalled:
            raise NotRunningError(f"{directory}: {reply.error.text}")
        return signalled

    async def watch(self, directory: Path) -> None:
        """Asks for the end of an attempt that an earlier agent started (told at once if it has)."""
        self._watched.add(directory)
        await self._wait_up()
        self._look_up(directory, claimed=True)

    async def finds(self, directory: Path) -> bool:
        """Whether something of the attempt lives, whatever its records say."""
        await self._wait_up()
        return self._is_live(directory) or bool(await asyncio.to_thread(processes_of, directory))

    # The connection

    async def _open(self, sock: socket.socket) -> _Link:
        loop = asyncio.get_running_loop()
        link = _Link(sock, loop.create_future(), loop.create_future())
        loop.add_reader(sock.fileno(), self._on_readable, link)
        try:
            hello = await self._request(link, {"verb": "hello", "version": VERSION})
        except BaseException as error:
            self._close(link)
            if isinstance(error, _LinkLostError):
                raise LauncherUnavailableError(str(error)) from error
            raise
        link.pid = hello.pid
        if hello.version != VERSION:
            self._replace(link, hello.version)
            return link
        self._link = link
        self.kill = "cgroup" if hello.kill == "cgroup" else "walk"
        self.why_walk = hello.why_walk
        for directory in list(self._watched):
            self._look_up(directory)
        self._on_link(LinkUp(hello.pid))
        self._up.set()
        return link

    def _replace(self, link: _Link, version: int) -> None:
        """Its runs stay with it; a launcher of our own version takes the new ones."""
        text = f"the launcher speaks version {version}, this agent {VERSION}"
        if any(old.pid == link.pid for old in self._old) or len(self._old) >= OLD_LINKS_MAX:
            self._lose(link, text)  # told already: it is about to close its socket
            return
        try:
            with open(os.pidfd_open(link.pid), "rb") as pidfd:
                # It holds this link, and hence that pid, until it is seen to be gone.
                if not link.lost.done():
                    signal.pidfd_send_signal(pidfd.fileno(), signal.SIGTERM)
        except ProcessLookupError:
            self._lose(link, "the launcher ended")
        else:
            self._drain(link, text)

    def _drain(self, link: _Link, reason: str = "the launcher takes no new runs any more") -> None:
        if not link.over.done():
            link.over.set_result(reason)
        self._leave(link)

    def _leave(self, link: _Link) -> None:
        if self._link is link:
            self._link = None
            self._up.clear()

    async def _keep_old(self, link: _Link) -> None:
        self._old.append(link)
        await link.lost
        self._close(link)
        for directory in link.live & self._watched:
            self._look_up(directory)

    def _close(self, link: _Link) -> None:
        self._leave(link)
        if link in self._old:
            self._old.remove(link)
        asyncio.get_running_loop().remove_reader(link.sock.fileno())
        link.sock.close()
        for call in link.calls.values():
            if not call.done():
                call.set_exception(_LinkLostError("the launcher is gone"))

    def _links(self) -> list[_Link]:
        return [*self._old, *([self._link] if self._link else [])]

    async def _wait_up(self) -> _Link:
        if (link := self._link) is not None:
            return link
        try:
            async with asyncio.timeout(CALL_S_MAX):
                while self._link is None:
                    await self._up.wait()
                return self._link
        except TimeoutError as error:
            raise LauncherUnavailableError("there is no launcher") from error

    async def _request(
        self, link: _Link, request: dict[str, object], *, starts: Path | None = None
    ) -> Message:
        if len(link.calls) >= CALLS_MAX:
            raise LauncherUnavailableError(f"{CALLS_MAX} calls are waiting for the launcher")
        loop = asyncio.get_running_loop()
        self._next_id += 1
        number = self._next_id
        reply: asyncio.Future[Message] = loop.create_future()
        link.calls[number] = reply
        if starts is not None:
            link.starts[number] = starts
        try:
            async with asyncio.timeout(CALL_S_MAX):
                data = msgspec.json.encode(request | {"id": number})
                async with link.sending:
                    await loop.sock_sendall(link.sock, data)
                if ARMED:
                    hit("launcher_client.sent")
                return await reply
        except OSError as error:
            if isinstance(error, TimeoutError):
                self._lose(link, "the launcher does not answer")
                raise LauncherUnavailableError("the launcher does not answer") from error
            self._lose(link, str(error))
            raise _LinkLostError(str(error)) from error
        finally:
            link.calls.pop(number, None)
            link.starts.pop(number, None)

    def _lose(self, link: _Link, reason: str) -> None:
        for future in (link.lost, link.over):
            if not future.done():
                future.set_result(reason)

    def _on_readable(self, link: _Link) -> None:
        for _ in range(DATAGRAMS_PER_TURN):
            try:
                data = link.sock.recv(DATAGRAM_BYTES_MAX)
                messages = decoder.decode(data) if data else None
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

    def _on_message(self, link: _Link, message: Message) -> None:
        if message.id is not None:
            starts = link.starts.get(message.id)
            if starts is not None and message.started is not None and not message.existing:
                link.live.add(starts)
            call = link.calls.get(message.id)
            if call is not None and not call.done():
                call.set_result(message)
        elif message.event == "draining":
            self._drain(link)
        elif message.event == "live":
            link.live.add(Path(message.dir))
        elif message.event == "exited":
            directory = Path(message.dir)
            link.live.discard(directory)
            if message.exit is not None:
                # Whoever waits for its start, which may have been told just before, hears it first.
                asyncio.get_running_loop().call_soon(self._ended, directory, message.exit)
            else:
                self._look_up(directory)  # from disk, where it may be anything

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

    def _look_up(self, directory: Path, claimed: bool = False) -> None:
        """Sees to it that the end of this attempt will be told, by the launcher or from disk."""
        if self._is_live(directory):
            return
        self._close_pidfd(directory)  # that shim may have gone on to another attempt
        attempt = rundir.AttemptDir(directory)
        try:
            start, exit_ = rundir.read_start(attempt), rundir.read_exit(attempt)
        except rundir.RunDirError as flaw:
            self._hold(directory, flaw)
            return
        if exit_ is not None:
            self._ended(directory, exit_)
        elif start is None and claimed:
            self._hold(directory, None)
        elif start and start.boot_id != rundir.boot_id():
            self._ended(directory, rundir.unseen(NO_RECORD))
        elif start is not None and not self._await_shim(directory, start):
            self._adopt(directory)

    def _await_shim(self, directory: Path, start: rundir.Start) -> bool:
        """Not once its command is gone: the shim may have gone on to another attempt, which the
        launcher knows."""
        its_own = start.pid <= 0 or rundir.lives(start.pid, start.start_time)
        fd = rundir.open_process(start.shim_pid, start.shim_start_time) if its_own else None
        if fd is None:
            return False
        self._pidfds[directory] = fd
        asyncio.get_running_loop().add_reader(fd, self._look_up, directory, True)
        return True

    def _adopt(self, directory: Path) -> None:
        """Without a link it is looked up again at the next one."""
        if self._link is not None:
            self._tasks.create_task(self._ask_to_adopt(self._link, directory))

    async def _ask_to_adopt(self, link: _Link, directory: Path) -> None:
        request: dict[str, object] = {"verb": "adopt", "dir": str(directory)}
        while self._link is link and directory in self._watched and directory not in link.live:
            try:
                reply = await self._request(link, request, starts=directory)
            except (_LinkLostError, LauncherUnavailableError):
                await asyncio.sleep(RECONNECT_S)  # another link looks it up itself
                continue
            if reply.error is None:
                return
            if reply.error.kind == "not_running":
                self._on_not_running(directory)
                return
            await asyncio.sleep(RECONNECT_S)

    def _on_not_running(self, directory: Path) -> None:
        """It has ended meanwhile, or what it had is gone."""
        try:
            exit_ = rundir.read_exit(rundir.AttemptDir(directory))
        except rundir.RunDirError as flaw:
            self._hold(directory, flaw)
        else:
            self._ended(directory, exit_ or rundir.unseen(NO_RECORD))

    def _hold(self, directory: Path, flaw: rundir.RunDirError | None) -> None:
        if directory not in self._held:
            self._held.add(directory)
            self._tasks.create_task(self._wait_gone(directory, flaw))

    async def _wait_gone(self, directory: Path, flaw: rundir.RunDirError | None) -> None:
        """A launcher that has it tells its end better."""
        exit_ = await until_gone(directory, lambda: self._is_live(directory))
        self._held.discard(directory)
        if exit_ is None and flaw is not None:
            exit_ = rundir.unseen(f"its run directory can't be trusted: {flaw.words}", UNTRUSTED)
        if directory in self._watched and not self._is_live(directory):
            self._ended(directory, exit_ or rundir.unseen(NO_RECORD))

    def _is_live(self, directory: Path) -> bool:
        return any(directory in link.live for link in self._links())

    def _close_pidfd(self, directory: Path) -> None:
        fd = self._pidfds.pop(directory, None)
        if fd is not None:
            asyncio.get_running_loop().remove_reader(fd)
            os.close(fd)
