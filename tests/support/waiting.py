"""Waiting for what another process does: a condition, polled until a deadline, never a sleep."""

import asyncio
import threading
import time
from collections.abc import Callable

POLL_S = 0.005


def wait_until(predicate: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Returns as soon as `predicate()` is true; TimeoutError if it isn't by then."""
    never = threading.Event()
    deadline = time.monotonic() + timeout_s
    while not predicate():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s} s: {predicate}")
        never.wait(POLL_S)


async def wait_until_async(predicate: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """As wait_until, with the event loop running meanwhile."""
    never = asyncio.Event()
    deadline = time.monotonic() + timeout_s
    while not predicate():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s} s: {predicate}")
        try:
            async with asyncio.timeout(POLL_S):
                await never.wait()
        except TimeoutError:
            pass  # another look
