"""One sample of the machine a second while someone looks or a run is live, fewer when not.

The slow rate still sees a hung driver in time: a pause and one probe deadline are under ten
seconds. Sampling keeps to a grid of the loop's clock, so that it doesn't drift, and leaves out the
points that a slow probe made it miss.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from lanherd_agent.gpu.host import HostProbe
from lanherd_agent.gpu.names import ProcessNames
from lanherd_agent.gpu.probe import (
    NO_GPUS,
    AttemptHold,
    Clock,
    GpuProbe,
    Holds,
    ProbeFacts,
)
from lanherd_agent.gpu.telemetry import complete
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import RunId
from lanherd_protocol.values import GpuReading, Telemetry

FindRuns = Callable[[Collection[RunId]], Awaitable[Collection[RunId]]]
"""Those of the runs that this agent knows, live or ended."""

log = logging.getLogger("lanherd.gpu")

WATCHED_INTERVAL_S = 1.0
IDLE_INTERVAL_S = 4.0
WOKEN_GAP_S = 0.2
"""Hundreds of runs a second start and end in a burst; each wakes the sampler."""
RECENT_SAMPLES_MAX = 60


class Sampler:
    """Asks the probe and the host in step, and hands complete samples on."""

    def __init__(
        self,
        probe: GpuProbe,
        host: HostProbe,
        *,
        holds: Holds,
        on_sample: Callable[[Telemetry], None],
        on_facts: Callable[[ProbeFacts], None],
        find_runs: FindRuns | None = None,
        clock: Clock = time.time,
    ) -> None:
        self._probe = probe
        self._host = host
        self._holds = holds
        self._on_sample = on_sample
        self._on_facts = on_facts
        self._find_runs = find_runs
        self._clock = clock
        self._facts: ProbeFacts | None = None
        self._recent: deque[Telemetry] = deque(maxlen=RECENT_SAMPLES_MAX)
        self._names = ProcessNames(host)
        self._watchers = 0
        self._woken = asyncio.Event()

    @property
    def facts(self) -> ProbeFacts:
        return self._facts or NO_GPUS

    @property
    def latest(self) -> Telemetry | None:
        return self._recent[-1] if self._recent else None

    def recent(self, seconds: float = 60.0) -> tuple[Telemetry, ...]:
        """The kept samples of the last seconds, oldest first."""
        since = self._clock() - seconds
        return tuple(sample for sample in self._recent if sample.at >= since)

    def watch(self) -> AbstractContextManager[None]:
        """Keeps the fast rate while it is held."""
        return self._watching()

    def wake(self) -> None:
        """Asks for a sample soon: something was started or ended."""
        self._woken.set()

    async def start(self) -> None:
        """The first facts and the first sample, so that both are there before anyone asks."""
        await self._sample()

    async def run(self) -> None:
        """Samples until it is cancelled."""
        loop = asyncio.get_running_loop()
        due = earliest = loop.time()
        while True:
            due = next_due(due, loop.time(), self._interval_s())
            if await self._woken_before(due):
                await asyncio.sleep(earliest - loop.time())
                due = loop.time()
            await self._sample()
            earliest = loop.time() + WOKEN_GAP_S

    @contextmanager
    def _watching(self) -> Iterator[None]:
        self._watchers += 1
        self.wake()
        try:
            yield
        finally:
            self._watchers -= 1

    def _interval_s(self) -> float:
        busy = self._watchers > 0 or len(self._holds()) > 0
        return WATCHED_INTERVAL_S if busy else IDLE_INTERVAL_S

    async def _woken_before(self, due: float) -> bool:
        try:
            async with asyncio.timeout_at(due):
                await self._woken.wait()
        except TimeoutError:
            return False
        return True

    async def _sample(self) -> None:
        self._woken.clear()
        # Asked before reading too: that is what starts the probe, and waits for it the first time.
        await self._probe.facts()
        readings = await self._probe.read()
        facts = await self._probe.facts()
        if facts != self._facts:
            self._facts = facts
            self._on_facts(facts)
        holds = self._holds()
        self._names.turn(readings, holds, simulated=facts.source == "simulated")
        if self._find_runs is not None and (doubtful := self._names.doubtful()):
            await self._learn(doubtful, self._find_runs)
        sample = self._compose(readings, holds)
        self._recent.append(sample)
        self._on_sample(sample)

    async def _learn(self, doubtful: Collection[RunId], find_runs: FindRuns) -> None:
        try:
            self._names.learn(doubtful, await find_runs(doubtful))
        except LanherdError as failure:
            # Until the store answers they count as others' processes; it is asked again then.
            log.info("Whose the processes on the GPUs are can't be looked up: %s", failure)

    def _compose(self, readings: Sequence[GpuReading], holds: Sequence[AttemptHold]) -> Telemetry:
        gpus = complete(readings, holds, self._names.name)
        return Telemetry(at=self._clock(), gpus=gpus, host=self._host.read())


def next_due(last_due: float, now: float, interval_s: float) -> float:
    """The next point of the grid that begins at the last one and that is not over yet."""
    due = last_due + interval_s
    if due >= now:
        return due
    return due + ((now - due) // interval_s + 1) * interval_s
