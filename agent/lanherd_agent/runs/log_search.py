"""Searches logs in child processes: how they are started, heard, and ended.

A child does the reading and the looking (see log_search_child.py). It is handed on a socket what
to look for, and what it finds is passed on as it comes: a reader who takes nothing stops the child
too, since the socket between them is small. Leaving a search, for whatever reason, kills its child.

A few search at once; others wait a moment for their turn, and are refused when it doesn't come.
"""

import asyncio
import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from lanherd_agent.runs import log_search_child, rundir

SEARCHES_MAX = 4
TURN_WAIT_S = 5.0
READER_WAIT_S = 60.0
"""A search whose reader takes nothing for so long gives its turn to others."""
EXIT_WAIT_S = 2.0
PART_BYTES_MAX = 256 * 1024
_CHILD = Path(log_search_child.__file__)
_LENGTH = struct.Struct(">I")

Send = Callable[[bytes], Awaitable[None]]


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for, and from which byte on."""

    pattern: str
    regex: bool = False
    ignore_case: bool = False
    offset: int = 0
    matches_max: int = 1000


class Searched(msgspec.Struct, frozen=True, kw_only=True):
    """How a search ended; the fields mean what they mean in LogSearched."""

    offset: int
    lines: int
    complete: bool


class _Last(msgspec.Struct, frozen=True, kw_only=True):
    """A child's last word: how far it came, or what the problem is."""

    offset: int = 0
    lines: int = 0
    complete: bool = False
    problem: str = ""
    text: str = ""
    position: int | None = None


class SearchProblem(Exception):
    """There is no result. The kind is one of
    pattern: it is no pattern, `text` and `position` say why;
    slow: it took processor time for too long without getting on;
    memory: it needs more than a search may have;
    unreadable: the log can't be read, `text` says why;
    busy: too many search already;
    stalled: nobody took what was found;
    died: the child ended without a word, `text` says how.
    """

    def __init__(self, kind: str, text: str = "", position: int | None = None) -> None:
        super().__init__(f"{kind}: {text}" if text else kind)
        self.kind, self.text, self.position = kind, text, position


@dataclass(frozen=True)
class _Descriptors:
    log: int
    directory: int


class LogSearches:
    """All searches of an agent."""

    def __init__(
        self,
        *,
        at_once: int = SEARCHES_MAX,
        turn_wait_s: float = TURN_WAIT_S,
        cpu_s: float = log_search_child.CPU_S,
    ) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._turn_wait_s = turn_wait_s
        self._cpu_s = cpu_s

    async def search(
        self, path: Path, query: Query, send: Send, *, reader_wait_s: float = READER_WAIT_S
    ) -> Searched:
        """Sends the parts of the answer, as SearchLog describes them, and says how it ended.

        Raises SearchProblem, and rundir.RunDirError when the log is no plain file of our own.
        """
        async with self._turn():
            with contextlib.ExitStack() as stack:
                try:
                    descriptors = _open(path, stack)
                except FileNotFoundError:
                    return Searched(offset=query.offset, lines=0, complete=True)
                child = _start(descriptors)
            try:
                await child.ask(_request(query, path, descriptors, self._cpu_s))
                return await _relay(child, send, reader_wait_s)
            finally:
                child.kill()
                await child.wait_exit()

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._turn_wait_s):
                await self._turns.acquire()
        except TimeoutError as late:
            raise SearchProblem("busy") from late
        try:
            yield
        finally:
            self._turns.release()


def _open(path: Path, stack: contextlib.ExitStack) -> _Descriptors:
    log = rundir.open_plain(path)
    stack.callback(os.close, log)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    directory = os.open(path.parent, flags)
    stack.callback(os.close, directory)
    return _Descriptors(log, directory)


def _request(query: Query, path: Path, descriptors: _Descriptors, cpu_s: float) -> bytes:
    return msgspec.json.encode(
        {
            **msgspec.structs.asdict(query),
            "log": descriptors.log,
            "directory": descriptors.directory,
            "gap_name": f"{path.name}.gap",
            "cpu_ms": round(cpu_s * 1000),
        }
    )


async def _relay(child: "_Child", send: Send, reader_wait_s: float) -> Searched:
    while True:
        head = await child.hear(_LENGTH.size)
        (length,) = _LENGTH.unpack(head)
        last, length = length & log_search_child.LAST, length & ~log_search_child.LAST
        if length > PART_BYTES_MAX:
            raise SearchProblem("died", f"it wanted to say {length} bytes at once")
        body = await child.hear(length)
        if last:
            said = msgspec.json.decode(body, type=_Last)
            if said.problem:
                raise SearchProblem(said.problem, said.text, said.position)
            return Searched(offset=said.offset, lines=said.lines, complete=said.complete)
        try:
            async with asyncio.timeout(reader_wait_s):
                await send(head + body)
        except TimeoutError as late:
            raise SearchProblem("stalled") from late


def _start(descriptors: _Descriptors) -> "_Child":
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            ours.setblocking(False)
            # A millisecond or two, since it is a vfork. A session of its own: Ctrl-C in the
            # agent's terminal is the agent's affair.
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-W", "ignore", str(_CHILD)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(descriptors.log, descriptors.directory),
                start_new_session=True,
            )
    except OSError as problem:
        ours.close()
        raise SearchProblem("died", f"it can't be started: {problem}") from problem
    return _Child(process, ours)


class _Child:
    """One child process, the agent's end of its socket, and its pidfd."""

    def __init__(self, process: "subprocess.Popen[bytes]", channel: socket.socket) -> None:
        self._process = process
        self._channel = channel
        self._pidfd = os.pidfd_open(process.pid)
        self._exited = asyncio.Event()
        asyncio.get_running_loop().add_reader(self._pidfd, self._on_exit)

    async def ask(self, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_sendall(self._channel, _LENGTH.pack(len(request)) + request)
        except ConnectionError as problem:
            raise await self._death() from problem

    async def hear(self, count: int) -> bytes:
        """So many bytes. Raises SearchProblem when the child ends before."""
        loop = asyncio.get_running_loop()
        heard = bytearray()
        while len(heard) < count:
            try:
                data = await loop.sock_recv(self._channel, count - len(heard))
            except ConnectionError as problem:
                raise await self._death() from problem
            if not data:
                raise await self._death()
            heard += data
        return bytes(heard)

    async def _death(self) -> SearchProblem:
        await self.wait_exit()
        code = self._process.returncode
        if code == -signal.SIGPROF:
            return SearchProblem("slow")
        return SearchProblem("died", f"exit status {code}")

    def kill(self) -> None:
        self._channel.close()
        if not self._exited.is_set():
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def wait_exit(self) -> None:
        """One that hangs in the kernel is not waited for; it is reaped when it ends."""
        try:
            async with asyncio.timeout(EXIT_WAIT_S):
                await self._exited.wait()
        except TimeoutError:
            pass

    def _on_exit(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._process.wait()
        self._exited.set()
