"""When a folder has changed, for a push after each change.

The system tells of changes (`watchfiles`); since it may miss some, as on network file systems, the
folder is looked at now and then in any case. Where it can't be watched at all, such as with too few
watches for a large tree, it is looked at more often instead, and watching is tried anew.

Changes of what stays at home by an ignore rule say nothing: a run that writes its log beside the
program would otherwise have the folder looked at for ever.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, Protocol

from watchfiles import Change, awatch

from lanherd_client.projects.scan_cache import Kept, ScanCache
from lanherd_protocol.aio.tasks import TaskOwner

DEBOUNCE_MS = 300
"""Changes within so long are one: a checkout or a save of many files."""
STEP_MS = 50
RESCAN_S = 60.0
POLL_S = 5.0
"""The same where the system can't watch."""
RETRY_S = 60.0

Changes = set[tuple[Change, str]]


class Watcher(Protocol):
    """`watchfiles.awatch`, as far as it is used here."""

    def __call__(
        self,
        *paths: Path,
        watch_filter: Callable[[Change, str], bool] | None,
        debounce: int,
        step: int,
        rust_timeout: int,
        yield_on_timeout: bool,
    ) -> "AsyncIterator[Changes]": ...


@dataclass(slots=True)
class Watch:
    """One folder that is watched. `say` is told sentences for a person."""

    folder: Path
    cache: ScanCache
    say: Callable[[str], None]
    watcher: Watcher = awatch
    rescan_s: float = RESCAN_S
    poll_s: float = POLL_S
    retry_s: float = RETRY_S
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _kept: Kept | None = None
    _told: str = ""

    async def run(self, act: Callable[[], Awaitable[None]]) -> NoReturn:
        """Acts at once, and each time that the folder may have changed, until it is cancelled.

        What changes while it acts is acted upon afterwards. `act` is to scan the folder.
        """
        async with TaskOwner(f"watch of {self.folder}") as tasks:
            tasks.spawn(self._listen(), "listen")
            # It listens before the first scan: nothing falls in between.
            await asyncio.sleep(0)
            self._changed.set()
            while True:
                await self._changed.wait()
                self._changed.clear()
                await act()
                fresh = ScanCache(self.cache.path, self.cache.root, self.cache.home)
                self._kept = await asyncio.to_thread(fresh.load)

    async def _listen(self) -> NoReturn:
        while True:
            try:
                async for _ in self._watched():
                    self._changed.set()
                problem: Exception | None = None
            except (OSError, RuntimeError) as refused:
                problem = refused
            if problem is not None:
                self._say_once(
                    f"The system can't watch {self.folder} ({problem}): it is looked at every"
                    f" {self.poll_s:g} seconds instead."
                )
            again_at = time.monotonic() + self.retry_s
            while time.monotonic() < again_at:
                await asyncio.sleep(self.poll_s)
                self._changed.set()

    def _watched(self) -> "AsyncIterator[Changes]":
        return self.watcher(
            Path(self.cache.root),
            watch_filter=self._matters,
            debounce=DEBOUNCE_MS,
            step=STEP_MS,
            rust_timeout=round(self.rescan_s * 1000),
            yield_on_timeout=True,
        )

    def _matters(self, change: Change, path: str) -> bool:
        inside = os.path.relpath(path, self.cache.root)
        return self._kept is None or not is_left_out(self._kept, inside.split(os.sep))

    def _say_once(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self.say(text)


def is_left_out(kept: Kept, names: Sequence[str]) -> bool:
    """Whether a path stayed at home in that scan, by its names from the project's folder on."""
    folder = ""
    for name in names:
        record = kept.folders.get(folder)
        if record is None:
            return False
        if record.itself is not None or name in record.left_out:
            return True
        folder = f"{folder}/{name}" if folder else name
    return False
