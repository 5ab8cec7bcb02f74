"""What a machine says of a log with a gap, and what a search of it finds."""

from lanherd_protocol.log_messages import LogDescription, LogMatch, LogMatches
from tests.support import synthetic_room


def timed_log() -> LogDescription:
    """What the machine says of the log with a gap."""
    end = 1_300_004_000
    begun = synthetic_room.NOW - 3_900
    early = tuple((offset, begun + offset / 90) for offset in range(0, 9_001, 90))
    late = tuple((1_300_000_000 + n * 60, begun + 3_600 + n * 4) for n in range(70))
    return LogDescription(
        attempt=2, size_bytes=end, stored_bytes=13_000, gap_from=9_000, gap_to=1_300_000_000,
        times=early + late,
    )  # fmt: skip


def found_lines() -> LogMatches:
    lines = [f"epoch {n:3}  loss {2.0 / (1 + n * 0.05):.4f}".encode() for n in range(40)]
    return LogMatches(
        700_000_000,
        tuple(LogMatch(n * 37, n * 25, line, 11, 15) for n, line in enumerate(lines)),
        1_000,
    )
