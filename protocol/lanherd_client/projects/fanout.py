"""One folder to several machines: it is read once, and each blob is packed once.

Each machine goes its own way (`delivery.py`); what they lack alike is made together
(`push_planning.py`). One that is slow or gone holds no other back.
"""

import asyncio
import functools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lanherd_client.projects.delivery import Delivery
from lanherd_client.projects.packing import Press
from lanherd_client.projects.problems import CancelledHere
from lanherd_client.projects.push_bases import PushBases
from lanherd_client.projects.push_look import notes_on_suspects
from lanherd_client.projects.push_planning import Planner
from lanherd_client.projects.push_progress import Line, PushProgress, PushResult
from lanherd_client.projects.reading import Found
from lanherd_client.projects.scan import Scan, scan
from lanherd_client.projects.scan_cache import ScanCache
from lanherd_protocol.errors import ErrorCode, LanherdError, error

Outcome = PushResult | LanherdError
Tell = Callable[[int, PushProgress], None]


@dataclass(frozen=True, slots=True)
class Pushed:
    """How the push ended for each line, in their order, and how many blobs were read and packed."""

    outcomes: tuple[Outcome, ...]
    blobs_packed: int


async def push_to_all(
    lines: Sequence[Line],
    folder: Path,
    tell: Tell,
    *,
    home: Path | None = None,
    project: str = "",
) -> Pushed:
    """Brings the folder's present state to all these machines, as far as they can be reached.

    `tell` is called in this event loop, with the number of the line. `project` is the name under
    which the machines list it, `home` the controller's, which remembers what was scanned and what
    was pushed. Cancelling leaves nothing half.
    """
    press = Press()
    planner = Planner(press)
    scanning = _Scanning(folder, home, planner, lambda told: _to_all(tell, len(lines), told))
    bases = PushBases.of(folder, home)
    deliveries: list[Delivery] = []
    for number, line in enumerate(lines):
        delivery = Delivery(
            line,
            planner,
            press,
            scanning.result,
            bases,
            project,
            _of(tell, number),
            scanning.suspects,
        )
        planner.join(delivery)
        deliveries.append(delivery)
    outcomes: list[Outcome] = []
    try:
        async with asyncio.TaskGroup() as tasks:
            ends = [tasks.create_task(_outcome(delivery)) for delivery in deliveries]
        outcomes = [end.result() for end in ends]
    finally:
        await scanning.close()
        await press.close()
    return Pushed(tuple(outcomes), press.reads)


async def scan_in_thread(folder: Path, cache: ScanCache) -> Scan:
    """A scan of which nothing is sent. Cancelling it waits until its thread is done with it."""
    cancelled = threading.Event()
    loop = asyncio.get_running_loop()
    scanning = loop.run_in_executor(
        None, functools.partial(scan, folder, None, cancelled, cache=cache)
    )
    try:
        return await asyncio.shield(scanning)
    finally:
        cancelled.set()
        await asyncio.wait([scanning])
        if not scanning.cancelled():
            scanning.exception()


async def _outcome(delivery: Delivery) -> Outcome:
    try:
        return await delivery.run()
    except LanherdError as problem:
        return problem


def _of(tell: Tell, number: int) -> Callable[[PushProgress], None]:
    return lambda told: tell(number, told)


def _to_all(tell: Tell, count: int, told: PushProgress) -> None:
    for number in range(count):
        tell(number, told)


class _Scanning:
    """The scan in its thread, and what it tells of itself meanwhile."""

    def __init__(
        self,
        folder: Path,
        home: Path | None,
        planner: Planner,
        tell: Callable[[PushProgress], None],
    ) -> None:
        self._folder = folder
        self._home = home
        self._planner = planner
        self._tell = tell
        self._cancelled = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._suspects: asyncio.Future[tuple[str, ...]] | None = None
        self.result = self._loop.run_in_executor(None, self._scan)
        # Before anybody hears that the scan is done, since this is the first to be told.
        self.result.add_done_callback(lambda _: planner.offer_gathered())

    async def close(self) -> None:
        """Ends the scan, should it still be under way; returns when its thread is done with it."""
        self._cancelled.set()
        for future in (self.result, self._suspects):
            if future is not None:
                await asyncio.wait([future])
                if not future.cancelled():
                    future.exception()

    async def suspects(self) -> tuple[str, ...]:
        """What looks like a mistake in what was scanned; looked for once, for all machines."""
        if self._suspects is None:
            found = await self.result
            self._suspects = self._loop.run_in_executor(None, notes_on_suspects, found)
        return await asyncio.shield(self._suspects)

    def _scan(self) -> Scan:
        cache = ScanCache.of(self._folder, self._home)
        try:
            return scan(
                self._folder,
                self._on_progress,
                self._cancelled,
                cache=cache,
                on_found=self._on_found,
            )
        except CancelledHere:
            raise error(
                ErrorCode.CANCELLED, "The push was cancelled.", refusal="push_cancelled"
            ) from None

    def _on_progress(self, files: int, bytes_done: int, path: str) -> None:
        told = PushProgress("scanning", files, bytes_done, 0, path)
        self._loop.call_soon_threadsafe(self._tell, told)

    def _on_found(self, found: Sequence[Found]) -> None:
        self._loop.call_soon_threadsafe(self._planner.offer, found)
