"""Who lacks what: machines that lack the same blobs get the same packs, made once.

A batch of blobs is asked about at every machine. Once all have answered, those that lack a blob
share it. Nobody waits for long: a machine that hasn't answered `PATIENCE_S` after the first is not
waited for any more, now and later, and what it lacks is packed for it alone.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from lanherd_client.projects.packing import PACK_BYTES_MAX, Pack, Press, cut, without_data
from lanherd_client.projects.reading import Found, Source
from lanherd_protocol.ids import BlobHash

PATIENCE_S = 0.25
ASKED_TOGETHER_MAX = 4000
GATHERED_BLOBS = 1000
GATHERED_BYTES = PACK_BYTES_MAX
"""What the scan finds is gathered so far before it is offered, but for the very first: many small
packs cost more than a few large ones."""


class Lacking(Protocol):
    """A machine, as far as this is concerned."""

    def offer(self, batch: "Batch") -> None: ...

    def lacks(self, batch: "Batch", packs: Sequence[Pack]) -> None: ...


class Batch:
    """Blobs that machines are asked about at once. `asked` are those that haven't answered."""

    def __init__(self, found: Sequence[Found], asked: "set[Lacking]") -> None:
        self.found: list[Found] = list(found)
        self.blobs: tuple[BlobHash, ...] = tuple(one.blob for one in found)
        self.asked: set[Lacking] = asked
        self.answers: dict[Lacking, frozenset[BlobHash]] = {}
        self.is_open = False
        """Whether machines that haven't decided yet may still join it."""
        self.is_planned = False
        self.timer: asyncio.TimerHandle | None = None


class Planner:
    """What all machines of one push have in common. Made and used in one event loop."""

    def __init__(self, press: Press) -> None:
        self._press = press
        self._machines: list[Lacking] = []
        self._undecided: set[Lacking] = set()
        self._slow: set[Lacking] = set()
        self._offered: set[BlobHash] = set()
        self._gathered: list[Found] = []
        self._gathered_bytes = 0
        self._rest: dict[tuple[BlobHash, ...], list[Batch]] = {}
        self._waiting: set[Batch] = set()

    def join(self, machine: Lacking) -> None:
        """One more machine; all of them before anything is offered."""
        self._machines.append(machine)
        self._undecided.add(machine)

    def leave(self, machine: Lacking) -> None:
        """The machine has it all, or can't get it."""
        if machine in self._machines:
            self._machines.remove(machine)
        self._slow.add(machine)
        self.decided(machine)

    def decided(self, machine: Lacking) -> None:
        """The machine joins no more batches of the rest."""
        self._undecided.discard(machine)
        for batch in [*self._waiting]:
            self._look_at(batch)

    def unoffered(self, blobs: Iterable[BlobHash]) -> tuple[BlobHash, ...]:
        """Those of the blobs that the scan hasn't read. In any thread, once it is done."""
        return tuple(blob for blob in blobs if blob not in self._offered)

    # --- offers ------------------------------------------------------------------------------

    def offer(self, found: Sequence[Found]) -> None:
        """Blobs that the scan has just read, for all machines."""
        is_first = not self._offered
        for one in found:
            if one.blob not in self._offered:
                self._offered.add(one.blob)
                self._gathered.append(self._press.hold(one))
                self._gathered_bytes += one.source.length
        enough = len(self._gathered) >= GATHERED_BLOBS or self._gathered_bytes >= GATHERED_BYTES
        if is_first or enough:
            self.offer_gathered()

    def offer_gathered(self) -> None:
        """Waits for no more of them: the scan is done."""
        found, self._gathered, self._gathered_bytes = self._gathered, [], 0
        if found:
            batch = Batch(found, set(self._machines))
            for machine in self._machines:
                machine.offer(batch)

    def offer_rest(
        self, machine: Lacking, rest: tuple[BlobHash, ...], sources: Mapping[BlobHash, Source]
    ) -> None:
        """Blobs of the snapshot that this machine may lack."""
        batches = self._rest.get(rest)
        if batches is None:
            batches = self._rest[rest] = []
            for start in range(0, len(rest), ASKED_TOGETHER_MAX):
                part = rest[start : start + ASKED_TOGETHER_MAX]
                batch = Batch([Found(one, sources[one], None) for one in part], set())
                batch.is_open = True
                batches.append(batch)
        for batch in batches:
            batch.asked.add(machine)
            machine.offer(batch)

    # --- answers -----------------------------------------------------------------------------

    def answered(self, batch: Batch, machine: Lacking, missing: frozenset[BlobHash]) -> None:
        """What a machine said it lacks of a batch."""
        batch.asked.discard(machine)
        if batch.is_planned:
            self._plan(batch, {machine: missing})
            return
        batch.answers[machine] = missing
        self._waiting.add(batch)
        if not self._look_at(batch) and batch.timer is None:
            loop = asyncio.get_running_loop()
            batch.timer = loop.call_later(PATIENCE_S, self._give_up_waiting, batch)

    def _awaited(self, batch: Batch) -> set[Lacking]:
        awaited = batch.asked | self._undecided if batch.is_open else batch.asked
        return awaited - self._slow - batch.answers.keys()

    def _look_at(self, batch: Batch) -> bool:
        """Plans it if nobody is awaited any more; whether it is planned."""
        if self._awaited(batch):
            return False
        self._close(batch)
        return True

    def _give_up_waiting(self, batch: Batch) -> None:
        if not batch.is_planned:
            self._slow |= self._awaited(batch)
            self._close(batch)

    def _close(self, batch: Batch) -> None:
        batch.is_planned = True
        self._waiting.discard(batch)
        if batch.timer is not None:
            batch.timer.cancel()
        answers, batch.answers = batch.answers, {}
        self._plan(batch, answers)
        # Whoever answers later, or joins it yet, has them read once more.
        batch.found = without_data(batch.found) if batch.asked or batch.is_open else []

    def _plan(self, batch: Batch, answers: dict[Lacking, frozenset[BlobHash]]) -> None:
        groups: dict[tuple[Lacking, ...], list[Found]] = {}
        for one in batch.found:
            lacking = tuple([m for m, missing in answers.items() if one.blob in missing])
            groups.setdefault(lacking, []).append(one)
        self._press.release(groups.pop((), ()))
        packs: dict[Lacking, list[Pack]] = {machine: [] for machine in answers}
        for lacking, wanted in groups.items():
            for part in cut(wanted):
                pack = Pack(part, lacking)
                for machine in lacking:
                    packs[machine].append(pack)
        for machine, listed in packs.items():
            machine.lacks(batch, listed)
