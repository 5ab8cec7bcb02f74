"""Failed runs whose GPU turns out to have failed under them only once they are over.

A run that dies of its GPU is mostly over before the sample that shows what the driver reported.
Its end is told at once all the same, and its GPUs are free for others. For a moment it is looked
at again with each sample, up to the first that comes when the moment is over; if that shows a fault
of a GPU that it had, its reason is told anew. Not kept over a restart: what a driver reported
before that is not told again either.
"""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from lanherd_agent.core.books import Books
from lanherd_agent.core.causes import may_be_of_gpu
from lanherd_agent.core.lost_gpus import cause_with, fault_of_lease, is_of_gpu
from lanherd_agent.core.run_states import Measure, Run
from lanherd_agent.core.step import Step
from lanherd_protocol.ids import RunId
from lanherd_protocol.states import AttemptEnd, Ended
from lanherd_protocol.values import Reason

LOOK_S = 2.0


class Watched(Struct, frozen=True):
    """An attempt that failed, and when that was told."""

    run: RunId
    attempt: int
    told_at: float


class LateCauses:
    """Looks at failed attempts again, in the core's books."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.watched: tuple[Watched, ...] = ()

    @property
    def runs(self) -> Iterable[RunId]:
        """Those that the next readings may change."""
        return (one.run for one in self.watched)

    def note(self, number: RunId, attempt: int, now: float) -> None:
        """The attempt's end was told."""
        run = self._books.runs.get(number)
        end = None if run is None else _end_of(run, attempt)
        if end is None or end.outcome != "failed" or not end.lease.gpus:
            return
        if may_be_of_gpu(end.reason.code) and not is_of_gpu(end.reason):
            self.watched = (*self.watched, Watched(number, attempt, now))

    def on_readings(self, now: float, step: Step) -> None:
        """After the GPUs were judged by them."""
        for one in self.watched:
            self._look(one, now, step)
        # Also where the clock was set back.
        self.watched = tuple(one for one in self.watched if abs(now - one.told_at) < LOOK_S)

    def _look(self, one: Watched, now: float, step: Step) -> None:
        run = self._books.runs.get(one.run)
        end = None if run is None else _end_of(run, one.attempt)
        if run is None or end is None or is_of_gpu(end.reason):
            return
        began_at = end.at if end.started_at is None else end.started_at
        fault = fault_of_lease(end.lease, self._books.machine.cordons, began_at)
        if fault is not None:
            self._amend(run, end, cause_with(fault, end.reason), now, step)

    def _amend(
        self, run: Run, end: Ended | AttemptEnd, reason: Reason, now: float, step: Step
    ) -> None:
        if isinstance(end, Ended):
            self._books.become(run, Measure, replace(end, reason=reason), now, step)
            return
        amended = replace(end, reason=reason)
        run.earlier = tuple(amended if one is end else one for one in run.earlier)
        step.changed[run.run] = run


def _end_of(run: Run, attempt: int) -> Ended | AttemptEnd | None:
    if run.attempt == attempt:
        return run.state if isinstance(run.state, Ended) else None
    return next((one for one in run.earlier if one.attempt == attempt), None)
