"""Builds that failed are remembered on disk: the same one isn't tried again for nothing.

It is tried again as soon as something has changed (what decides is in `surroundings`), when
someone asks for that, and after a short while where the cause was not the build's own: an index
that can't be reached, or a full disk.
"""

import time
from pathlib import Path

import msgspec

from lanherd_agent.disk import write_durably
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError, error, from_failure

FAILED = "failed.json"
PASSING_S = 60.0
"""After this, what was in the way may be gone by itself. Until then all who wait in the line for
the same environment hear the same words, instead of waiting for the same timeouts."""
RETRY = "lanherd env build --retry"
_PASSING = frozenset({"no_index", "index_down", "index_slow"})
_BUILD_ENDED = frozenset(
    {
        ErrorCode.LOCK_UNRESOLVABLE,
        ErrorCode.ENVIRONMENT_FAILED,
        ErrorCode.TIMED_OUT,
        ErrorCode.DISK_FULL,
    }
)


class Remembered(msgspec.Struct, frozen=True):
    """`failed.json`."""

    at: float
    fingerprint: str
    failure: Failure
    name: str = ""
    python_version: str = ""

    def holds(self, fingerprint: str, now: float) -> bool:
        """Whether it would fail again."""
        if self.fingerprint != fingerprint:
            return False
        failure = self.failure
        passing = failure.code is ErrorCode.DISK_FULL or failure.data.get("refusal") in _PASSING
        return not passing or 0 <= now - self.at < PASSING_S


def remember(place: Path, remembered: Remembered) -> None:
    """Blocks. A disk that is too full for it leaves it out."""
    if remembered.failure.code in _BUILD_ENDED:
        try:
            write_durably(place / FAILED, msgspec.json.encode(remembered))
        except OSError:
            forget(place)


def recall(place: Path) -> Remembered | None:
    try:
        return msgspec.json.decode((place / FAILED).read_bytes(), type=Remembered)
    except (OSError, msgspec.DecodeError):
        return None


def forget(place: Path) -> None:
    (place / FAILED).unlink(missing_ok=True)


def check(place: Path, fingerprint: str) -> None:
    """Raises what it failed with, and when, where it would fail again. Blocks."""
    remembered = recall(place)
    if remembered is not None and remembered.holds(fingerprint, time.time()):
        raise refusal(remembered)


def refusal(remembered: Remembered) -> LanherdError:
    was = remembered.failure
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(remembered.at))
    told = error(
        was.code,
        was.title,
        f"It failed at {when}, and nothing has changed since then. What was said: {was.message}",
        f"{was.remedy} To have it tried again as it is: '{RETRY}'.",
    ).failure
    data = {**was.data, "before": was.data.get("refusal", ""), "refusal": "failed_before"}
    data["failed_at"] = remembered.at
    return from_failure(msgspec.structs.replace(told, data=data))
