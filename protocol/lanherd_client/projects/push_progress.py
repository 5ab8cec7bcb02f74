"""What a push needs of a connection, and what it tells of itself."""

import time
from collections import deque
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from msgspec import Struct

from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import SnapshotId
from lanherd_protocol.methods import Method

Request = TypeVar("Request", bound=Struct)
Response = TypeVar("Response", bound=Struct)
Phase = Literal["scanning", "comparing", "sending", "done"]

PACE_WINDOW_S = 5.0
PACE_STEP_S = 0.1
PACE_POINTS_MAX = 64
PACE_SPAN_S_MIN = 0.5
"""A rate over less than this says more about buffers than about the way."""


class Caller(Protocol):
    """What a push needs of a connection; `lanherd_protocol.aio.peer.Peer` is one."""

    async def call(
        self,
        method: Method[Request, Response],
        request: Request,
        *,
        upload: AsyncIterable[bytes] | None = None,
    ) -> Response: ...


class Line(Protocol):
    """The way to one machine. `machine` is its id, under which it is remembered what it has; empty
    where that is not known.
    """

    @property
    def machine(self) -> str: ...

    async def caller(self, lost: LanherdError | None) -> Caller:
        """The connection, or the one after it, once it was `lost`. Raises where there is none."""


@dataclass(frozen=True, slots=True)
class PushProgress:
    """How far a push is. While scanning `bytes_total` is 0; while sending the bytes are those of
    missing blobs, before compression. `rate_bytes_s` is that of the last seconds; it and `left_s`
    are None where they aren't known. `notes` come with the end of the scan, and where much is to be
    sent once more: sentences for a person about what was found in the folder.
    """

    phase: Phase
    files: int
    bytes_done: int
    bytes_total: int
    path: str = ""
    rate_bytes_s: float | None = None
    left_s: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PushResult:
    """What was pushed. `sent_bytes` went over the wire, compressed, the manifest included."""

    snapshot: SnapshotId
    files: int
    bytes_total: int
    sent_bytes: int
    sent_blobs: int
    notes: tuple[str, ...] = ()


class Pace:
    """Bytes a second over the last seconds. `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._points: deque[tuple[float, int]] = deque(maxlen=PACE_POINTS_MAX)

    def rate(self, done_bytes: int) -> float | None:
        """Notes how far it is; the rate, None while that can't be said yet."""
        now = self._clock()
        points = self._points
        if not points or now - points[-1][0] >= PACE_STEP_S:
            points.append((now, done_bytes))
        while len(points) > 1 and now - points[1][0] >= PACE_WINDOW_S:
            points.popleft()
        since, before = points[0]
        if now - since < PACE_SPAN_S_MIN or done_bytes <= before:
            return None
        return (done_bytes - before) / (now - since)
