"""The ring against the plain list of all samples that it was given."""

import math
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_agent.history.ring import TIERS, Point, Ring, Tier

SMALL = (Tier(1, 6), Tier(4, 5), Tier(10, 4))
NOW = 1_700_000_000.0
values = st.none() | st.floats(-1000, 1000, width=32)
samples = st.lists(st.tuples(st.floats(0, 60), values, values), max_size=60)


def mean(known: list[float]) -> float:
    return sum(known) / len(known) if known else math.nan


def same(found: float, wanted: float) -> bool:
    return math.isnan(wanted) == math.isnan(found) and (
        math.isnan(wanted) or math.isclose(found, wanted, rel_tol=1e-3, abs_tol=1e-2)
    )


@given(samples=samples, back=st.floats(0.5, 40), reopened=st.booleans())
def test_what_is_read_is_what_was_added(
    samples: list[tuple[float, float | None, float | None]], back: float, reopened: bool
) -> None:
    ring = Ring(2, tiers=SMALL)
    samples.sort(key=lambda sample: sample[0])
    for after_s, *pair in samples:
        ring.add(NOW + after_s, pair)
    if reopened:
        file = bytearray(ring.size_bytes)
        for offset, data in ring.take_dirty():
            file[offset : offset + len(data)] = data
        ring = Ring(2, bytes(file), tiers=SMALL)
    now = NOW + 60
    tier = next((tier for tier in SMALL if back <= tier.reach_s), SMALL[-1])
    first, last = (now - back) // tier.step_s, now // tier.step_s
    wanted: defaultdict[float, list[tuple[float | None, float | None]]] = defaultdict(list)
    for after_s, one, other in samples:
        step = (NOW + after_s) // tier.step_s
        if max(first, last - tier.slots + 1) <= step <= last:
            wanted[step * tier.step_s].append((one, other))
    points = ring.read(now - back, now, now, 1000)
    assert [point.start for point in points] == sorted(wanted)
    for point in points:
        assert point.count == len(wanted[point.start])
        for at in range(2):
            known = [pair[at] for pair in wanted[point.start] if pair[at] is not None]
            peak = max(known) if known else math.nan
            assert same(point.peaks[at], peak)
            if len(known) == point.count or not known:
                assert same(point.means[at], mean(known))


def test_no_more_points_than_were_asked_for_and_none_is_left_out() -> None:
    ring = Ring(1)
    for second in range(600):
        ring.add(NOW + second, [float(second)])
    now = NOW + 599
    points = ring.read(NOW, now, now, 50)
    assert len(points) <= 50
    assert sum(point.count for point in points) == 600
    assert points[-1].peaks == (599.0,)
    assert ring.step_s(NOW, now, now, 50) == 13.0


def test_a_torn_slot_counts_as_empty() -> None:
    ring = Ring(1)
    ring.add(NOW, [1.0])
    ring.add(NOW + 1, [2.0])
    kept = bytearray(ring.size_bytes)
    for offset, data in ring.take_dirty():
        kept[offset : offset + len(data)] = data
    head, slot = 12, 24
    kept[head + int(NOW) % TIERS[0].slots * slot + 20] ^= 0xFF
    points = Ring(1, bytes(kept)).read(NOW, NOW + 1, NOW + 1, 100)
    assert [point.means for point in points] == [(2.0,)]


@pytest.mark.parametrize("kept", [b"", b"x" * 10, b"x" * 1_000_000], ids=["none", "short", "other"])
def test_a_file_that_is_no_ring_is_begun_anew(kept: bytes) -> None:
    ring = Ring(1, kept)
    assert ring.read(NOW, NOW, NOW, 10) == []
    assert ring.take_dirty()[0][0] == 0


def test_a_clock_that_was_set_back_leaves_no_point_of_the_future() -> None:
    ring = Ring(1)
    ring.add(NOW + 1000, [5.0])
    ring.add(NOW, [1.0])
    assert ring.read(NOW - 60, NOW, NOW, 100) == [Point(NOW, 1, (1.0,), (1.0,))]


def test_what_could_not_be_written_is_written_next_time() -> None:
    ring = Ring(1)
    ring.add(NOW, [1.0])
    ring.take_dirty()
    assert ring.take_dirty() == []
    ring.keep_dirty()
    ((offset, data),) = ring.take_dirty()
    assert offset == 0
    assert len(data) == ring.size_bytes


def test_ten_gpus_and_the_host_fit_into_twenty_megabytes() -> None:
    assert 10 * Ring(5).size_bytes + Ring(6).size_bytes < 20_000_000
    assert [tier.reach_s for tier in TIERS] == [600, 6 * 3600, 7 * 86_400]
