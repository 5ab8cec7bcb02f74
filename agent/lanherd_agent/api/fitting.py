"""Keeps what an answer lists within one message of the wire.

A listing that doesn't fit would fail as a whole, for everybody who asks: one run with a command of
half a megabyte may not hide the others of its machine.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from msgspec import Struct

from lanherd_protocol.codec import encode_body
from lanherd_protocol.limits import CONTROL_FRAME_BYTES_MAX, KIB

LISTING_BYTES_MAX = CONTROL_FRAME_BYTES_MAX - 64 * KIB
"""What is left for the facts, the telemetry and the frame around a listing."""

Item = TypeVar("Item")


def encoded_size(item: Struct) -> int:
    return len(bytes(encode_body(item)))


def first_that_fit(
    items: Sequence[Item], size: Callable[[Item], int], room: int = LISTING_BYTES_MAX
) -> tuple[Item, ...]:
    """As many of the items, from the first on, as one message takes; at least one."""
    for count, item in enumerate(items):
        room -= size(item)
        if room < 0:
            return tuple(items[: max(count, 1)])
    return tuple(items)


def all_fit(items: Iterable[Item], size: Callable[[Item], int]) -> bool:
    """Whether one message takes all of them."""
    return sum(map(size, items)) <= LISTING_BYTES_MAX
