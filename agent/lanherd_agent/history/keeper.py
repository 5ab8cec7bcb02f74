"""The rings of a machine: one of its host, one of each GPU, kept in files beside the store.

Samples are taken on the event loop, in memory; what changed is written every few seconds in a
thread, so that a busy disk never holds the loop up. A kill loses at most that many seconds.
"""

import asyncio
import logging
import os
import re
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from lanherd_agent.history.ring import TIERS, Point, Ring
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.history_messages import GPU_METRICS, HOST_METRICS, History, HistoryLine
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.values import GpuReading, Telemetry

WRITE_EVERY_S = 10.0
FORGET_AFTER_S = TIERS[-1].reach_s
RINGS_MAX = 256
"""A machine with 16 GPUs of 7 MIG instances each has 113 with its host."""
_HOST = "host"
_NAME = re.compile(r"[A-Za-z0-9-]{1,100}")
log = logging.getLogger("lanherd.agent.history")


class Unwritten(NamedTuple):
    """What is to be written into one file: bytes at offsets."""

    file: Path
    size_bytes: int
    spans: list[tuple[int, bytes]]


class HistoryKeeper:
    """Takes every sample, answers for the past. `home` is the directory of the files."""

    def __init__(self, home: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._home = home
        self._clock = clock
        self._rings: dict[str, Ring] = {}
        self._is_failing = False
        self._writing = threading.Lock()
        self._home.mkdir(mode=0o700, exist_ok=True)
        self._load()

    @property
    def size_bytes(self) -> int:
        """What the rings hold, in memory and again on the disk."""
        return sum(ring.size_bytes for ring in self._rings.values())

    def take(self, sample: Telemetry) -> None:
        host = sample.host
        self._ring(_HOST, len(HOST_METRICS)).add(
            sample.at, [getattr(host, metric) for metric in HOST_METRICS]
        )
        for reading in sample.gpus:
            for one in (reading, *reading.instances):
                self._take_gpu(sample.at, one)

    def read(self, gpu: GpuUuid | None, since: float, until: float | None, most: int) -> History:
        """The points since then. Raises `NOT_FOUND` for a GPU of which nothing is kept."""
        ring = self._rings.get(gpu or _HOST)
        if ring is None:
            raise error(
                ErrorCode.NOT_FOUND,
                "Nothing is known of that GPU's past.",
                f"The machine has no history of {gpu or 'itself'}.",
                "See 'lanherd machines' for its GPUs; a new one has a history after a second.",
                refusal="no_history",
                **({} if gpu is None else {"gpu": gpu}),
            )
        now = self._clock()
        end = now if until is None else until
        metrics = HOST_METRICS if gpu is None else GPU_METRICS
        points = ring.read(since, end, now, most)
        return History(
            step_s=ring.step_s(since, end, now, most),
            starts=tuple(point.start for point in points),
            lines=tuple(_line(metric, at, points) for at, metric in enumerate(metrics)),
        )

    async def run(self) -> None:
        """Writes what changed until it is cancelled, and the last of it then."""
        try:
            while True:
                await asyncio.sleep(WRITE_EVERY_S)
                await self._write_in_thread()
        finally:
            self._settle(self._write(self._take_dirty()))

    def _take_gpu(self, at: float, reading: GpuReading) -> None:
        if not _NAME.fullmatch(reading.uuid):
            return
        values = [getattr(reading, metric) for metric in GPU_METRICS]
        if reading.problem is not None or reading.vram_used_bytes is None:
            values[GPU_METRICS.index("vram_ours_bytes")] = None
        self._ring(reading.uuid, len(GPU_METRICS)).add(at, values)

    def _ring(self, name: str, metrics: int) -> Ring:
        ring = self._rings.get(name)
        if ring is None:
            if len(self._rings) >= RINGS_MAX:
                # The one that was known longest; its file goes a week after it was last seen.
                del self._rings[next(known for known in self._rings if known != _HOST)]
            ring = self._rings[name] = Ring(metrics)
        return ring

    def _load(self) -> None:
        since = self._clock() - FORGET_AFTER_S
        files = [file for file in self._home.glob("*.ring") if _is_plain(file)]
        for file in sorted(files, key=_changed_at):
            if _changed_at(file) < since:
                file.unlink()
                continue
            metrics = HOST_METRICS if file.stem == _HOST else GPU_METRICS
            self._rings[file.stem] = Ring(len(metrics), file.read_bytes())

    async def _write_in_thread(self) -> None:
        taken = self._take_dirty()
        self._settle(await asyncio.to_thread(self._write, taken))

    def _take_dirty(self) -> list[Unwritten]:
        return [
            Unwritten(self._home / f"{name}.ring", ring.size_bytes, ring.take_dirty())
            for name, ring in self._rings.items()
        ]

    def _write(self, unwritten: list[Unwritten]) -> OSError | None:
        # When the agent ends, the last write follows one that may still be under way.
        with self._writing:
            return _write_all(unwritten)

    def _settle(self, failure: OSError | None) -> None:
        if failure is not None:
            # On a full disk the past is what is needed least, and memory has it all the same.
            if not self._is_failing:
                log.warning("The history can't be written: %s", failure)
            for ring in self._rings.values():
                ring.keep_dirty()
        self._is_failing = failure is not None


def _is_plain(file: Path) -> bool:
    return stat.S_ISREG(file.lstat().st_mode)


def _changed_at(file: Path) -> float:
    return file.stat().st_mtime


def _write_all(unwritten: list[Unwritten]) -> OSError | None:
    try:
        for one in unwritten:
            if one.spans:
                _write(one)
    except OSError as failure:
        return failure
    return None


def _write(one: Unwritten) -> None:
    descriptor = os.open(one.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if os.fstat(descriptor).st_size != one.size_bytes:
            os.ftruncate(descriptor, one.size_bytes)
        for offset, data in one.spans:
            os.pwrite(descriptor, data, offset)
    finally:
        os.close(descriptor)


def _line(metric: str, at: int, points: list[Point]) -> HistoryLine:
    return HistoryLine(
        metric=metric,
        means=tuple(_known(point.means[at]) for point in points),
        peaks=tuple(_known(point.peaks[at]) for point in points),
    )


def _known(value: float) -> float | None:
    return None if value != value else value
