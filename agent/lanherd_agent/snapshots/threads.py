"""Work that touches the disk, done in a thread that a cancelled caller waits for.

A thread can't be cancelled from outside. The caller sets an event that the work looks at, and
waits until the work has tidied up: what is left behind is then known when the caller goes on.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


async def in_thread(work: Callable[[], Result], cancelled: threading.Event | None = None) -> Result:
    """The result of `work`, done in a thread."""
    future = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if cancelled is not None:
            cancelled.set()
        await asyncio.wait([future])
        # Fetched, so that the loop doesn't report a failure that nobody waits for any more.
        if not future.cancelled():
            future.exception()
        raise
