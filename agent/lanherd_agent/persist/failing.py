"""A store that fails where it is told to, around one that does not.

Three faults: the disk is full, so nothing is kept and the next commit may work; the store fails for
good; and the process dies, before the batch is kept or after it, so that nobody hears which.
"""

from collections.abc import Iterable
from typing import Literal

from lanherd_agent.core.run_states import RunRecord
from lanherd_agent.persist.store import (
    AuditEntry,
    Batch,
    Loaded,
    Store,
    disk_full,
    store_failed,
)
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import RunId
from lanherd_protocol.states import RunView

Fault = Literal["disk_full", "store_failed", "die_before", "die_after"]
WHERE = "a store that fails on purpose"


class Died(BaseException):
    """The process is gone, as by SIGKILL: whoever catches it must not go on with this agent."""


class FailingStore:
    """Passes everything on, but for the commits that `faults` names by their number from 1."""

    def __init__(self, inner: Store, faults: dict[int, Fault] | None = None) -> None:
        self.inner = inner
        self.faults: dict[int, Fault] = dict(faults or {})
        self.commits = 0
        self.dead = False

    def fail_next(self, fault: Fault, times: int = 1) -> None:
        """Let the next commits fail."""
        for number in range(self.commits + 1, self.commits + times + 1):
            self.faults[number] = fault

    def load(self, ended_max: int) -> Loaded:
        self._check_alive()
        return self.inner.load(ended_max)

    def commit(self, batch: Batch, *, urgent: bool = False) -> bool:
        self._check_alive()
        self.commits += 1
        fault = self.faults.pop(self.commits, None)
        match fault:
            case "disk_full":
                raise disk_full(WHERE)
            case "store_failed":
                self.dead = True
                raise _told_to_fail()
            case "die_before":
                raise Died
            case "die_after":
                self.inner.commit(batch, urgent=urgent)
                raise Died
            case None:
                return self.inner.commit(batch, urgent=urgent)

    @property
    def untidy(self) -> bool:
        return self.inner.untidy

    def tidy(self) -> None:
        self._check_alive()
        self.inner.tidy()

    def find_runs(self, runs: Iterable[RunId]) -> tuple[RunRecord, ...]:
        self._check_alive()
        return self.inner.find_runs(runs)

    def ended_before(self, ordinal: int, limit: int) -> tuple[RunRecord, ...]:
        self._check_alive()
        return self.inner.ended_before(ordinal, limit)

    def events_since(self, seq: int, limit: int) -> tuple[RunView, ...] | None:
        self._check_alive()
        return self.inner.events_since(seq, limit)

    def audit(self, limit: int) -> tuple[AuditEntry, ...]:
        self._check_alive()
        return self.inner.audit(limit)

    def close(self) -> None:
        self.inner.close()

    def _check_alive(self) -> None:
        if self.dead:
            raise _told_to_fail()


def _told_to_fail() -> LanherdError:
    return store_failed(WHERE, "It was told to fail.")
