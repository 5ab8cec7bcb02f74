"""NVML at arm's length: a child process that is asked, waited for, killed and replaced.

The child may hang in the driver for ever, so every question has a deadline. A child that misses it
is killed, and a new one is started after a pause that doubles with each failure. Until that one has
answered, readings are unknown and say why; nobody waits for a start but the first caller of
`facts`. Where there is nothing to read no child is kept, and another one looks again some minutes
later. Where some GPU is missed, a second child looks again while the first goes on, and takes its
place if it finds any. A driver that is sick when the agent starts tells of no GPU: those that were
there last are missed then, and not forgotten.

    no child --start--> starting --facts--> ready --question--> answer
        ^                   |                 |
        +---- pause --------+-- dead, late ---+
"""

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from lanherd_agent.gpu.known_gpus import keep, recall
from lanherd_agent.gpu.probe import NO_GPUS, ProbeFacts, unknown_reading, unknown_readings
from lanherd_agent.gpu.probe_wire import ASK_FACTS, ASK_READINGS, LENGTH_BYTES
from lanherd_agent.gpu.xid_keeping import XidKeeper
from lanherd_protocol.values import GpuFacts, GpuLink, GpuReading

log = logging.getLogger("lanherd.gpu")

CHILD_MODULE = "lanherd_agent.gpu.probe_child"
ANSWER_BYTES_MAX = 4 * 1024 * 1024
EXIT_WAIT_S = 2.0
LEAVING_MAX = 3
"""A child that hangs in the kernel can't be killed: with so many of them no further one is lost."""

NOT_ANSWERED = (
    "The NVIDIA driver has not answered. The GPUs are unknown until it does; if it stays so,"
    " restart the machine."
)
HUNG = (
    "The NVIDIA driver stopped answering. It is being asked again; if it stays so, restart the"
    " machine."
)
DIED = "The process that asks the NVIDIA driver ended unexpectedly. It is being started again."
GARBLED = "The process that asks the NVIDIA driver gave an answer that makes no sense."
GONE = "The NVIDIA driver is gone. Install or load it again, or restart the machine."
NOT_LISTED = (
    "The GPU is lost: the NVIDIA driver no longer lists it. Restart the machine to get it back; if"
    " it happens again, check its power and its seat."
)
NO_INSTANCE = "The MIG instance is gone: the NVIDIA driver no longer lists it."


class ProbeTiming(Struct, frozen=True, kw_only=True):
    """How patient the parent is.

    `start_deadline_s` is long because loading a driver without persistence mode takes seconds for
    each GPU; nothing waits for it.
    """

    deadline_s: float = 5.0
    start_deadline_s: float = 60.0
    backoff_s: float = 1.0
    backoff_max_s: float = 60.0
    look_again_s: float = 300.0


class Answer(Struct, frozen=True):
    """What the child says."""

    ended: bool
    facts: ProbeFacts | None = None
    readings: tuple[GpuReading, ...] | None = None


class ProbeChildFailed(Exception):
    """The child died, said nonsense or kept silent; the text is for people."""


class _Answers(asyncio.Protocol):
    """The agent's end of the socket: cuts what arrives into answers."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._answers: deque[Answer] = deque()
        self._problem: str | None = None
        self._news = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= LENGTH_BYTES:
            length = int.from_bytes(self._buffer[:LENGTH_BYTES], "big")
            if length > ANSWER_BYTES_MAX:
                self._fail(GARBLED)
                return
            end = LENGTH_BYTES + length
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[LENGTH_BYTES:end])
            del self._buffer[:end]
            self._take(payload)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(DIED)

    def poll(self) -> Answer | None:
        """The next answer if it is there. Raises ProbeChildFailed when none will come."""
        if self._answers:
            return self._answers.popleft()
        if self._problem is not None:
            raise ProbeChildFailed(self._problem)
        self._news.clear()
        return None

    async def wait(self) -> Answer:
        """The next answer. Raises ProbeChildFailed when none will come."""
        while (answer := self.poll()) is None:
            await self._news.wait()
        return answer

    def _take(self, payload: bytes) -> None:
        try:
            self._answers.append(msgspec.json.decode(payload, type=Answer))
        except msgspec.DecodeError:
            self._fail(GARBLED)
        self._news.set()

    def _fail(self, problem: str) -> None:
        self._problem = self._problem or problem
        self._news.set()


def _spawn(
    python: str, environment: Mapping[str, str], channel: socket.socket
) -> subprocess.Popen[bytes]:
    # A millisecond or two, since it is a vfork. A session of its own: Ctrl-C in the agent's
    # terminal is the agent's affair.
    return subprocess.Popen(
        [python, "-I", "-m", CHILD_MODULE],
        stdin=channel.fileno(),
        stdout=subprocess.DEVNULL,
        env={**os.environ, **environment},
        start_new_session=True,
    )


class _Child:
    """One child process, its socket and its pidfd."""

    def __init__(
        self, process: subprocess.Popen[bytes], transport: asyncio.Transport, answers: _Answers
    ) -> None:
        self.pid = process.pid
        self.answers = answers
        self.started_at = asyncio.get_running_loop().time()
        self.exited = asyncio.Event()
        self._process = process
        self._transport = transport
        self._pidfd = os.pidfd_open(process.pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._on_exit)

    @classmethod
    async def start(cls, python: str, environment: Mapping[str, str]) -> "_Child":
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            loop = asyncio.get_running_loop()
            transport, answers = await loop.create_unix_connection(_Answers, sock=ours)
            try:
                process = _spawn(python, environment, theirs)
            except OSError:
                transport.abort()
                raise
        return cls(process, transport, answers)

    def ask(self, question: bytes) -> None:
        self._transport.write(question)

    def kill(self) -> None:
        """Ends the child without waiting: one that hangs in the kernel may stay a while."""
        self._transport.abort()
        if not self.exited.is_set():
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def wait_exit(self) -> bool:
        """Whether the child is gone within a moment."""
        try:
            async with asyncio.timeout(EXIT_WAIT_S):
                await self.exited.wait()
        except TimeoutError:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
            return False
        return True

    def _on_exit(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._process.wait()
        self.exited.set()


class NvmlProbe:
    """The machine's NVIDIA GPUs; see the top of the file for how it lives."""

    def __init__(
        self,
        *,
        python: str = sys.executable,
        environment: Mapping[str, str] | None = None,
        timing: ProbeTiming | None = None,
        kept: Path | None = None,
    ) -> None:
        """`kept` is the file in which the GPUs are remembered over a restart of the agent."""
        self._python = python
        self._environment = dict(environment or {})
        self._timing = timing or ProbeTiming()
        self._file = kept
        self._facts = NO_GPUS if kept is None else recall(kept)
        self._kept = self._facts.gpus
        self._remembered = bool(self._facts.gpus)
        """Whether nothing was heard of them yet since the agent was started."""
        self._xids = XidKeeper()
        self._missed = False
        self._child: _Child | None = None
        self._fresh: _Child | None = None
        self._ready = False
        self._trouble: str | None = NOT_ANSWERED
        self._failures = 0
        self._start_at = 0.0
        self._leaving: set[_Child] = set()
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The child that is alive now, for those who measure it."""
        return None if self._child is None else self._child.pid

    async def facts(self) -> ProbeFacts:
        async with self._turn:
            first = self._child is None and self._start_at == 0.0
            await self._advance()
            if first and self._child is not None:
                await self._wait_first_facts()
        if self._trouble is not None and not self._facts.gpus:
            return replace(self._facts, problem=self._trouble)
        return self._facts

    async def read(self) -> tuple[GpuReading, ...]:
        async with self._turn:
            await self._advance()
            if self._child is None or not self._ready:
                return self._unknown(self._trouble or NOT_ANSWERED)
            try:
                answer = await self._answer_to(self._child, ASK_READINGS)
            except ProbeChildFailed as failure:
                self._replace_child(str(failure))
                return self._unknown(str(failure))
            return self._take_readings(answer)

    async def close(self) -> None:
        async with self._turn:
            self._let_go()
            async with asyncio.TaskGroup() as group:
                for child in self._leaving:
                    group.create_task(child.wait_exit())
            self._leaving.clear()

    async def _advance(self) -> None:
        """Moves starts and restarts along without waiting for the driver."""
        self._leaving = {child for child in self._leaving if not child.exited.is_set()}
        now = asyncio.get_running_loop().time()
        if self._child is None:
            if now >= self._start_at and len(self._leaving) < LEAVING_MAX:
                await self._start()
        elif not self._ready:
            try:
                answer = self._first_answer(self._child)
            except ProbeChildFailed as failure:
                self._replace_child(str(failure))
                return
            if answer is not None:
                self._take_facts(answer)
        elif self._fresh is not None:
            self._follow_fresh(self._child, self._fresh)
        elif (self._missed or self._facts.problem is not None) and now >= self._start_at:
            # Some GPU could not be used when this child looked; a fresh one may see it.
            await self._look_again(now)

    def _first_answer(self, child: _Child) -> Answer | None:
        """Its facts, once they are there. Raises ProbeChildFailed when they won't come."""
        answer = child.answers.poll()
        late_s = asyncio.get_running_loop().time() - child.started_at
        if answer is None and late_s > self._timing.start_deadline_s:
            raise ProbeChildFailed(HUNG)
        return answer

    async def _look_again(self, now: float) -> None:
        self._start_at = now + self._timing.look_again_s
        try:
            fresh = await _Child.start(self._python, self._environment)
        except OSError as failure:
            log.info("No second process that asks the NVIDIA driver can be started: %s", failure)
            return
        self._fresh = fresh
        fresh.ask(ASK_FACTS)

    def _follow_fresh(self, child: _Child, fresh: _Child) -> None:
        try:
            answer = self._first_answer(fresh)
        except ProbeChildFailed as failure:
            log.info("A second look at the GPUs failed: %s", failure)
            self._part_with(fresh)
            self._fresh = None
            return
        if answer is None:
            return
        self._fresh = None
        if answer.facts is None or not answer.facts.gpus:
            self._part_with(fresh)
            return
        self._part_with(child)
        self._child = fresh
        self._take_facts(answer)

    async def _start(self) -> None:
        self._ready = False
        try:
            self._child = await _Child.start(self._python, self._environment)
        except OSError as failure:
            self._pause(f"The process that asks the NVIDIA driver can't be started: {failure}.")
            return
        self._start_at = self._child.started_at
        self._child.ask(ASK_FACTS)

    async def _wait_first_facts(self) -> None:
        assert self._child is not None
        try:
            async with asyncio.timeout(self._timing.deadline_s):
                answer = await self._child.answers.wait()
        except TimeoutError:
            return
        except ProbeChildFailed as failure:
            self._replace_child(str(failure))
            return
        self._take_facts(answer)

    async def _answer_to(self, child: _Child, question: bytes) -> Answer:
        child.ask(question)
        try:
            async with asyncio.timeout(self._timing.deadline_s):
                return await child.answers.wait()
        except TimeoutError as late:
            raise ProbeChildFailed(HUNG) from late

    def _take_facts(self, answer: Answer) -> None:
        found = answer.facts
        if found is None:
            self._replace_child(GARBLED)
            return
        if self._remembered and found.problem is None:
            # A driver without any problem knows best: what it doesn't list was taken out.
            self._facts = NO_GPUS
        self._remembered = self._remembered and not found.gpus
        if found.gpus:
            self._ready = True
            self._trouble = None
            self._know(merge_facts(self._facts, found))
            self._xids.begin_child()
            self._start_at = asyncio.get_running_loop().time() + self._timing.look_again_s
            return
        self._let_go()
        if self._facts.gpus:
            # They were there before: they are missed, so this is looked at again soon.
            self._pause(found.problem or GONE)
            return
        self._know(found)
        self._trouble = None
        self._start_at = asyncio.get_running_loop().time() + self._timing.look_again_s

    def _take_readings(self, answer: Answer) -> tuple[GpuReading, ...]:
        if answer.readings is None:
            self._replace_child(GARBLED)
            return self._unknown(GARBLED)
        if answer.facts is not None and answer.facts.gpus:
            # MIG was turned on or off, or its instances are others than before.
            self._know(merge_facts(self._facts, answer.facts))
        readings = align(self._facts, answer.readings)
        readings = tuple(self._xids.keep(reading) for reading in readings)
        self._missed = any(reading.problem is not None for reading in readings)
        if answer.ended:
            problems = [reading.problem for reading in readings if reading.problem]
            self._replace_child(problems[0] if problems else GONE)
        else:
            self._failures = 0
        return readings

    def _know(self, facts: ProbeFacts) -> None:
        self._facts = facts
        if self._file is not None and facts.gpus != self._kept:
            self._kept = facts.gpus
            keep(self._file, facts)

    def _unknown(self, problem: str) -> tuple[GpuReading, ...]:
        return tuple(map(self._xids.keep, unknown_readings(self._facts, problem)))

    def _replace_child(self, problem: str) -> None:
        self._let_go()
        self._pause(problem)

    def _pause(self, problem: str) -> None:
        self._trouble = problem
        pause_s = min(self._timing.backoff_s * 2.0**self._failures, self._timing.backoff_max_s)
        self._failures = min(self._failures + 1, 16)
        self._start_at = asyncio.get_running_loop().time() + pause_s

    def _let_go(self) -> None:
        for child in (self._child, self._fresh):
            if child is not None:
                self._part_with(child)
        self._child = self._fresh = None
        self._ready = False

    def _part_with(self, child: _Child) -> None:
        child.kill()
        self._leaving.add(child)


def merge_facts(before: ProbeFacts, found: ProbeFacts) -> ProbeFacts:
    """What was found, and the GPUs that are missed: they don't vanish from under live runs.

    A driver that was loaded again without a GPU counts the rest anew. While one is missed they keep
    their numbers, which leases and people know them by; without one, the driver's hold.
    """
    listed = {gpu.uuid for gpu in found.gpus}
    missed = [gpu for gpu in before.gpus if gpu.uuid not in listed]
    if not missed:
        return found
    numbers = {gpu.uuid: gpu.index for gpu in before.gpus}
    free = max(numbers.values()) + 1
    moved: dict[int, int] = {}
    gpus: list[GpuFacts] = []
    for gpu in found.gpus:
        number = numbers.get(gpu.uuid)
        if number is None:
            number, free = free, free + 1
        moved[gpu.index] = number
        gpus.append(replace(gpu, index=number))
    gpus = sorted([*gpus, *missed], key=lambda gpu: gpu.index)
    links = tuple(_renumbered(link, moved) for link in found.links)
    return replace(found, gpus=tuple(gpus), links=links)


def _renumbered(link: GpuLink, moved: Mapping[int, int]) -> GpuLink:
    return replace(link, first=moved[link.first], second=moved[link.second])


def align(facts: ProbeFacts, readings: tuple[GpuReading, ...]) -> tuple[GpuReading, ...]:
    """Readings in the order of the facts; a GPU or a MIG instance without one says so."""
    by_uuid = {reading.uuid: reading for reading in readings}
    missed = facts.problem or NOT_LISTED
    return tuple(_aligned(gpu, by_uuid.get(gpu.uuid), missed) for gpu in facts.gpus)


def _aligned(gpu: GpuFacts, reading: GpuReading | None, missed: str) -> GpuReading:
    if reading is None:
        return unknown_reading(gpu, missed)
    if not gpu.instances and not reading.instances:
        return reading
    found = {instance.uuid: instance for instance in reading.instances}
    why = reading.problem or NO_INSTANCE
    instances = tuple(
        found.get(instance.uuid) or GpuReading(uuid=instance.uuid, problem=why)
        for instance in gpu.instances
    )
    return replace(reading, instances=instances)
