"""What a test starts, it ends: tasks, threads, child processes, sockets, files."""

import asyncio
import gc
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

# Threads and children that were told to end may need a moment; a leak outlasts it.
GRACE_S = 2.0


@pytest_asyncio.fixture
async def no_leaked_tasks() -> AsyncIterator[None]:
    """Fail when asyncio tasks are left. Given to every asynchronous test by the conftest."""
    yield
    left = asyncio.all_tasks() - {asyncio.current_task()}
    # `to_thread`'s workers end with the loop, which outlives the check for leaked threads.
    await asyncio.get_running_loop().shutdown_default_executor()
    if left:
        told = "\n".join(f"  {task!r}" for task in left)
        pytest.fail(f"tasks left running; let a TaskGroup or a close() own them:\n{told}")


@dataclass(frozen=True)
class Held:
    """What this process holds. Threads by identity, since names repeat."""

    threads: frozenset[threading.Thread]
    children: frozenset[int]
    files: frozenset[str]

    def beyond(self, before: "Held") -> list[str]:
        return [
            *(f"thread {t.name}" for t in self.threads - before.threads),
            *(f"child process {_command(pid)}" for pid in self.children - before.children),
            *(f"open {name}" for name in self.files - before.files),
        ]


def held() -> Held:
    return Held(
        threads=frozenset(t for t in threading.enumerate() if not _is_foreign(t)),
        children=frozenset(_children()),
        files=frozenset(_open_files()),
    )


@contextmanager
def inspect_leaks() -> Iterator[None]:
    """Fail when the block leaves threads, children, sockets or open files of its own behind."""
    before = held()
    yield
    leaked = held().beyond(before)
    deadline = time.monotonic() + GRACE_S
    while leaked and time.monotonic() < deadline:
        # What only waits for the collector is no leak of this kind: it is a ResourceWarning.
        gc.collect()
        time.sleep(0.01)
        leaked = held().beyond(before)
    if leaked:
        pytest.fail("the test left behind: " + ", ".join(sorted(leaked)), pytrace=False)


def _is_foreign(thread: threading.Thread) -> bool:
    # Not started by Python code (Qt's own), so there is nothing to join.
    return isinstance(thread, threading._DummyThread)


def _children() -> Iterator[int]:
    for task in Path("/proc/self/task").iterdir():
        try:
            yield from map(int, (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # the thread ended meanwhile


def _command(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except (FileNotFoundError, ProcessLookupError):
        return str(pid)
    return f"{pid} ({words or 'zombie: nobody waited for it'})"


def _open_files() -> Iterator[str]:
    """Sockets, and files below a temporary folder: what libraries keep open (fonts, caches,
    Qt's own pipes) is neither."""
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            continue  # the descriptor of the listing itself
        if target.startswith(("socket:", "/tmp/")):
            yield f"{target} (fd {name})"
