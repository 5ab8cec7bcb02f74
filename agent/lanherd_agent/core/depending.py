"""Runs that wait for other runs: what is refused, what is open, and what follows from an end.

A run can only name runs that the machine knows, or that come with it in the same submit, so that a
cycle can only be made by one submit, and is refused there. What follows from what is worked off in
a list, not by recursion: a chain may be as long as the line.
"""

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from lanherd_agent.core import reasons
from lanherd_agent.core.books import Books
from lanherd_agent.core.run_states import GiveUp, Queued, Resolve, Run, Running, Stopping
from lanherd_agent.core.step import Step
from lanherd_agent.core.waiting import Waiting
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.ids import RunId, short_id
from lanherd_protocol.messages import NewRun
from lanherd_protocol.states import Ended
from lanherd_protocol.values import Dependency


def is_met(dependency: Dependency, other: Run) -> bool | None:
    """Whether the dependency on `other` has come true; None if it can't any more."""
    state = other.state
    if dependency.kind == "after":
        return other.attempt > 1 or isinstance(state, Running | Stopping | Ended)
    if dependency.kind == "after_any" or not isinstance(state, Ended):
        return isinstance(state, Ended)
    return True if state.outcome == "succeeded" else None


def check_dependencies(new: Sequence[NewRun], known: Mapping[RunId, Run]) -> None:
    """Raises for a dependency on a run that there is not, or of runs on each other."""
    named = {
        one.run: [dependency.run for dependency in one.spec.dependencies]
        for one in new
        if one.spec.dependencies
    }
    if not named:
        return
    together = {one.run for one in new}
    for run, others in named.items():
        for other in others:
            if other not in together and other not in known:
                raise error(
                    ErrorCode.NOT_FOUND,
                    f"Run {short_id(run)} waits for run {short_id(other)}, "
                    "which this machine does not have.",
                    remedy="Name runs of this machine, or runs of the same submit.",
                    run=run,
                    other=other,
                )
    cycle = _find_cycle(named)
    if cycle:
        path = " → ".join(map(short_id, cycle))
        raise error(
            ErrorCode.INVALID_REQUEST,
            "The runs wait for each other, so that none could ever start.",
            f"The cycle is {path}.",
            "Leave one of these dependencies out.",
            cycle=" ".join(cycle),
        )


def _find_cycle(named: Mapping[RunId, Sequence[RunId]]) -> list[RunId]:
    """The runs of one cycle, the first once more at the end; empty if there is none."""
    done: set[RunId] = set()
    for root in named:
        path: dict[RunId, Iterator[RunId]] = {root: iter(named[root])}
        while path:
            run = next(reversed(path))
            following = next(path[run], None)
            if following is None:
                done.add(run)
                del path[run]
            elif following in path:
                runs = list(path)
                return [*runs[runs.index(following) :], following]
            elif following in named and following not in done:
                path[following] = iter(named[following])
    return []


class Depending:
    """Lets runs go on, or gives them up, when something happens to those that they wait for."""

    def __init__(self, books: Books, waiting: Waiting) -> None:
        self._books = books
        self._waiting = waiting

    def still_open(self, new: NewRun, together: Mapping[RunId, NewRun]) -> tuple[Dependency, ...]:
        """The dependencies of a new run that are not met. One that can't be met any more is open
        too, until the next `settle`."""
        opened = []
        for dependency in new.spec.dependencies:
            if dependency.run not in together:
                other = self._books.runs[dependency.run]
                met = is_met(dependency, other)
                if met:
                    continue
                if met is None:
                    self._books.moved.append(other)
            opened.append(dependency)
        return tuple(opened)

    def settle(self, now: float, step: Step) -> None:
        """Work off all that has happened to runs for which others wait."""
        books = self._books
        for other in books.moved:
            for waiter in list(books.dependents.get(other.run, ())):
                # What this does to the waiter may move the list on.
                self._look(books.runs[waiter], other, now, step)
        books.moved.clear()

    def _look(self, run: Run, other: Run, now: float, step: Step) -> None:
        was = run.state
        assert isinstance(was, Queued)
        named = next(one for one in was.waits_for if one.run == other.run)
        met = is_met(named, other)
        if met:
            left = tuple(one for one in was.waits_for if one is not named)
            self._waiting.requeue(run, Resolve, replace(was, waits_for=left), now, step)
        elif met is None:
            assert isinstance(other.state, Ended)
            reason = reasons.dependency_failed(other.run, other.state.outcome)
            self._books.leave_line(run)
            ended = Ended(at=now, outcome="cancelled", reason=reason)
            self._books.become(run, GiveUp, ended, now, step)
