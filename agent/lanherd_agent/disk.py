"""Writing that lasts, and disk work in threads: shared by the store and the environments.

A thread can't be cancelled from outside. The caller sets an event that the work looks at, and
waits until the work has tidied up: what is left behind is then known when the caller goes on.
"""

import asyncio
import ctypes
import os
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")


async def in_thread(
    work: Callable[[], Result],
    cancelled: threading.Event | None = None,
    threads: Executor | None = None,
) -> Result:
    """The result of `work`, done in a thread: of the loop's, unless others are named."""
    future = asyncio.get_running_loop().run_in_executor(threads, work)
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


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def write_durably(path: Path, data: bytes) -> None:
    """The file holds `data` or, whatever happens, what it held before."""
    temporary = path.with_name(f".{path.name}.{threading.get_ident()}.new")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.rename(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_path(path.parent)


def sync_path(path: Path | str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file_system(path: Path) -> None:
    """syncfs(2), which the os module lacks: only the file system that holds the path."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if library.syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(descriptor)
