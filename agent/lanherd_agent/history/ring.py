"""The past of a handful of metrics in a fixed number of bytes: fine for minutes, coarse for days.

A tier has one slot per step of time, and a step always has the same slot (its number modulo their
count), so that neither a restart, nor a pause, nor a clock that is set needs any bookkeeping: what
a slot holds says itself of which step it is. A slot that was torn by a power cut fails its checksum
and counts as empty.
"""

import math
import struct
import zlib
from collections.abc import Iterator, Sequence

from msgspec import Struct

MAGIC = b"LHRING1\0"
_HEADER = struct.Struct("<8sI")
_SLOT_HEAD = struct.Struct("<IdI")
"""Checksum of the rest, when the step began (Unix seconds), how many samples it has."""


class Tier(Struct, frozen=True):
    """So many steps, each so long."""

    step_s: int
    slots: int

    @property
    def reach_s(self) -> int:
        return self.step_s * self.slots


TIERS = (Tier(1, 600), Tier(10, 2160), Tier(120, 5040))
"""A second for ten minutes, ten for six hours, two minutes for a week."""


class Point(Struct, frozen=True):
    """One step: mean and highest of each metric, NaN where none was known."""

    start: float
    count: int
    means: tuple[float, ...]
    peaks: tuple[float, ...]


class Ring:
    """The tiers of one thing's metrics, in memory and as the bytes of a file."""

    def __init__(self, metrics: int, kept: bytes = b"", tiers: Sequence[Tier] = TIERS) -> None:
        self._metrics = metrics
        self._tiers = tuple(tiers)
        self._values = struct.Struct(f"<{2 * metrics}f")
        self._slot_bytes = _SLOT_HEAD.size + self._values.size
        self._header = _HEADER.pack(MAGIC, metrics)
        begins = [len(self._header)]
        for tier in self._tiers:
            begins.append(begins[-1] + tier.slots * self._slot_bytes)
        self._begins = begins
        self._dirty: set[int] = set()
        fits = len(kept) == begins[-1] and kept.startswith(self._header)
        self._bytes = bytearray(kept) if fits else bytearray(begins[-1])
        if not fits:
            self._bytes[: len(self._header)] = self._header
            self._dirty.add(0)

    @property
    def size_bytes(self) -> int:
        return self._begins[-1]

    def add(self, at: float, values: Sequence[float | None]) -> None:
        """Take one sample into every tier."""
        sample = tuple(math.nan if value is None else value for value in values)
        for number, tier in enumerate(self._tiers):
            start = float(at // tier.step_s * tier.step_s)
            offset = self._offset(number, start)
            before = self._read(offset)
            if before is None or before.start != start:
                point = Point(start, 1, sample, sample)
            else:
                point = _joined(before, Point(start, 1, sample, sample))
            self._write(offset, point)

    def read(self, since: float, until: float, now: float, points_max: int) -> list[Point]:
        """The points from `since` up to `until`, oldest first, of the finest tier that reaches so
        far back; no more than `points_max`, each of as many steps as that takes."""
        number, first, last, per_point = self._span(since, until, now, points_max)
        point_s = per_point * self._tiers[number].step_s
        points: list[Point] = []
        for point in self._points(number, first, last):
            start = float(point.start // point_s * point_s)
            if points and points[-1].start == start:
                points[-1] = _joined(points[-1], point)
            else:
                points.append(Point(start, point.count, point.means, point.peaks))
        return points

    def step_s(self, since: float, until: float, now: float, points_max: int) -> float:
        """How long each point of such a `read` is."""
        number, _, _, per_point = self._span(since, until, now, points_max)
        return float(per_point * self._tiers[number].step_s)

    def take_dirty(self) -> list[tuple[int, bytes]]:
        """What changed since it was last asked, as bytes at offsets; neighbours as one."""
        spans: list[tuple[int, int]] = []
        for offset in sorted(self._dirty):
            end = offset + (self._slot_bytes if offset else len(self._header))
            if spans and spans[-1][1] == offset:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((offset, end))
        self._dirty.clear()
        return [(begin, bytes(self._bytes[begin:end])) for begin, end in spans]

    def keep_dirty(self) -> None:
        """What was taken could not be written: all of it is to be, next time."""
        self._dirty.add(0)
        for number, tier in enumerate(self._tiers):
            first = self._begins[number]
            self._dirty.update(
                range(first, first + tier.slots * self._slot_bytes, self._slot_bytes)
            )

    def _span(
        self, since: float, until: float, now: float, points_max: int
    ) -> tuple[int, int, int, int]:
        """The tier's number, its first and last step, and how many steps make a point. Points
        begin at multiples of their length, so that a window which moves on shows the same ones."""
        age_s = now - since
        reaching = (n for n, tier in enumerate(self._tiers) if age_s <= tier.reach_s)
        number = next(reaching, len(self._tiers) - 1)
        tier = self._tiers[number]
        last = int(min(until, now) // tier.step_s)
        first = max(int(since // tier.step_s), int(now // tier.step_s) - tier.slots + 1)
        per_point = max(1, (last - first + 1) // points_max)
        while last // per_point - first // per_point >= points_max:
            per_point += 1
        return number, first, last, per_point

    def _offset(self, number: int, start: float) -> int:
        tier = self._tiers[number]
        slot = int(start // tier.step_s) % tier.slots
        return self._begins[number] + slot * self._slot_bytes

    def _points(self, number: int, first: int, last: int) -> Iterator[Point]:
        step_s = self._tiers[number].step_s
        for step in range(first, last + 1):
            start = float(step * step_s)
            point = self._read(self._offset(number, start))
            if point is not None and point.start == start:
                yield point

    def _read(self, offset: int) -> Point | None:
        checksum, start, count = _SLOT_HEAD.unpack_from(self._bytes, offset)
        end = offset + self._slot_bytes
        if not count or checksum != zlib.crc32(self._bytes[offset + 4 : end]):
            return None
        values = self._values.unpack_from(self._bytes, offset + _SLOT_HEAD.size)
        return Point(start, count, values[: self._metrics], values[self._metrics :])

    def _write(self, offset: int, point: Point) -> None:
        end = offset + self._slot_bytes
        _SLOT_HEAD.pack_into(self._bytes, offset, 0, point.start, point.count)
        self._values.pack_into(self._bytes, offset + _SLOT_HEAD.size, *point.means, *point.peaks)
        checksum = zlib.crc32(self._bytes[offset + 4 : end])
        _SLOT_HEAD.pack_into(self._bytes, offset, checksum, point.start, point.count)
        self._dirty.add(offset)


def _joined(first: Point, second: Point) -> Point:
    """Both as one point that begins where the first does."""
    count = first.count + second.count
    share = second.count / count
    return Point(
        first.start,
        count,
        tuple(_mean(a, b, share) for a, b in zip(first.means, second.means, strict=True)),
        tuple(_peak(a, b) for a, b in zip(first.peaks, second.peaks, strict=True)),
    )


def _mean(before: float, after: float, share: float) -> float:
    if math.isnan(before) or math.isnan(after):
        return after if math.isnan(before) else before
    return before + (after - before) * share


def _peak(before: float, after: float) -> float:
    if math.isnan(before) or math.isnan(after):
        return after if math.isnan(before) else before
    return max(before, after)
