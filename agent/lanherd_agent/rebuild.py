"""Run directories → the records of a lost database.

The files of a run are in its own reach, so nothing of them is believed that the core would not take
from a caller; what is torn, another's, or no plain file is reported and left alone. How an attempt
ended is for the core to say: its exit is handed to one that holds nothing but that run.

    exit.json            Ended; but held, before its next attempt, where its retry rule gives it one
                         and the run's cancel.json doesn't say that it was cancelled then
                         The agent's own, without a start.json, tells a start that was refused
    alive                Running, with its lease: it is adopted as after any restart
    start.json alone     Running too: its adoption finds out what became of it
    spec.json alone      Queued: it was never started

What waited and was never laid out has no directory, and is lost with the database.
"""

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from lanherd_agent.core import events as e
from lanherd_agent.core import reasons
from lanherd_agent.core.admission import check_runs
from lanherd_agent.core.causes import without_lines
from lanherd_agent.core.core import AgentCore
from lanherd_agent.core.ledger import Ledger
from lanherd_agent.core.rules import Rules
from lanherd_agent.core.run_states import (
    Queued,
    Running,
    RunRecord,
    RunState,
    Starting,
    needs_preparation,
)
from lanherd_agent.core.step import Kept
from lanherd_agent.execution.causes import find_cause, is_failure
from lanherd_agent.execution.failures import never_ran, start_failure, was_refused
from lanherd_agent.runs import rundir
from lanherd_agent.runs.rundir import AttemptDir, Cancel, Exit, Flaw, RunDirError, RunNote, Start
from lanherd_agent.runs.strays import eldest_of
from lanherd_agent.secrets import words_on_disk
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import RunId, is_uuid7
from lanherd_protocol.messages import NewRun
from lanherd_protocol.states import AttemptEnd, Ended
from lanherd_protocol.values import Lease, Reason, RetryRule, RunSettings

ORDINAL_MAX = 1 << 40
_ALONE = Rules(runs_at_once_max=0, prepare_ahead_max=0, explained_max=0)
"""For a core that says how a run ended, and starts nothing."""
_UNTRUSTED = "Its run directory can't be trusted: {flaw}."
_NO_EXIT = "How it ended was lost with the agent's records."
HELD_AFTER_LOSS = Reason(
    code="held",
    text="It is held back: the agent's records were lost before its next attempt could begin.",
    remedy="Release it to let it be tried again.",
)
Part = TypeVar("Part")


class Flawed(Struct, frozen=True):
    """A run whose directory can't be trusted, or only in part; `where` is a path below `runs`."""

    run: RunId
    where: str
    why: str


class Rebuilt(Struct, frozen=True):
    """The runs that directories tell of, in their order, and what is wrong with others."""

    runs: tuple[RunRecord, ...]
    flawed: tuple[Flawed, ...]
    without_lease: tuple[RunId, ...]
    """Live runs whose lease would clash with another's."""

    @property
    def forgotten(self) -> int:
        """How many runs there have been at least of which nothing is left: the machine numbers
        those that it takes, and files may have been removed."""
        last = max((record.ordinal for record in self.runs), default=0)
        return last - len(self.runs)

    @property
    def held(self) -> int:
        return sum(_is_held(record) for record in self.runs)


class _Attempt(Struct):
    """What the files of one attempt say: each its value, its flaw, or None if it is missing."""

    directory: AttemptDir
    note: RunNote
    start: Start | RunDirError | None
    exit: Exit | RunDirError | None

    @property
    def flaws(self) -> list[RunDirError]:
        return [part for part in (self.start, self.exit) if isinstance(part, RunDirError)]


def rebuild(home: Path, now: float, seq: int) -> Rebuilt:
    """Read every run directory of the home. The runs are numbered from `seq` + 1 on."""
    flawed: list[Flawed] = []
    found = [
        record
        for path in _entries(home / "runs")
        for record in _read_run(home, path, now, flawed.append)
    ]
    found.sort(key=lambda record: (record.ordinal, record.run))
    runs, without_lease = _with_leases(_numbered(found, seq))
    return Rebuilt(tuple(runs), tuple(flawed), tuple(without_lease))


# --- One run -------------------------------------------------------------------------------------


def _read_run(
    home: Path, path: Path, now: float, report: Callable[[Flawed], None]
) -> Iterator[RunRecord]:
    """The run's record, if its directory can be trusted. Whatever is wrong with it is its own."""
    run = RunId(path.name)

    def told(problem: Exception, where: Path = path) -> None:
        report(Flawed(run, str(where.relative_to(home / "runs")), _why(problem)))

    try:
        attempts = _attempts(path)
        settings = _or_flaw(lambda: rundir.read_settings(home, run))
        cancel = _or_flaw(lambda: rundir.read_cancel(home, run))
    except RunDirError as refused:
        told(refused, refused.path)
        return
    except (OSError, ValueError) as problem:
        told(problem)
        return
    if not attempts:
        return
    flaws = [flaw for attempt in attempts for flaw in attempt.flaws]
    if isinstance(settings, RunDirError):
        flaws.append(settings)
        settings = None
    if isinstance(cancel, RunDirError):
        flaws.append(cancel)
        cancel = None
    for flaw in flaws:
        told(flaw, flaw.path)
    try:
        yield _record(run, attempts, settings, cancel, now)
    except LanherdError as refused:
        told(refused)


def _attempts(path: Path) -> list[_Attempt]:
    """Raises RunDirError for what leaves nothing to go by, OSError for what can't be read, and
    ValueError for what is no run."""
    rundir.check_own_folder(path)
    if not is_uuid7(path.name):
        raise ValueError("its name is no run id")
    numbers = sorted(int(entry.name) for entry in _entries(path) if _is_number(entry.name))
    attempts = []
    for number in numbers:
        directory = AttemptDir(path / str(number))
        rundir.check_own_folder(directory.path)
        attempt = _attempt(directory)
        if attempt is not None:
            attempts.append(attempt)
    return attempts


def _attempt(directory: AttemptDir) -> _Attempt | None:
    """None if its laying out was not finished: then nothing was started."""
    spec = rundir.read_spec(directory)
    start = _or_flaw(lambda: rundir.read_start(directory))
    exit_ = _or_flaw(lambda: rundir.read_exit(directory))
    if spec is None and start is None and exit_ is None:
        return None
    if spec is None or spec.run is None:
        raise RunDirError(directory.spec, Flaw.INVALID, "it doesn't say which run it is of")
    return _Attempt(directory, spec.run, start, exit_)


def _record(
    run: RunId,
    attempts: list[_Attempt],
    settings: RunSettings | None,
    cancel: Cancel | None,
    now: float,
) -> RunRecord:
    """Raises LanherdError if no agent would have taken such a run."""
    last = attempts[-1]
    note = last.note
    settings = settings or note.settings
    check_runs([NewRun(run=run, spec=note.spec, settings=settings)], None, Rules())
    submitted_at = note.submitted_at if math.isfinite(note.submitted_at) else now
    base = RunRecord(
        note.ordinal,
        run,
        note.spec,
        note.owner,
        submitted_at,
        Queued(since=submitted_at, reason=_why_waits(note, settings)),
        1,
        last.directory.attempt,
        settings,
        attempts[0].note.settings,
    )
    base = replace(base, earlier=tuple(_earlier(base, attempt) for attempt in attempts[:-1]))
    record = _as_it_is(base, last)
    return record if cancel is None else _cancelled(base, record, last, cancel)


def _cancelled(base: RunRecord, record: RunRecord, last: _Attempt, cancel: Cancel) -> RunRecord:
    """Only between two attempts: a live run is no less alive, and an end is an end."""
    if isinstance(record.state, Running):
        if isinstance(last.start, Start) and rundir.is_alive(last.start):
            return record
        record = _after_loss(base, last, _NO_EXIT, "unknown", base)
    state = record.state
    if not (isinstance(state, Queued) and _is_held(record)):
        return record
    at = max(cancel.at, state.since)
    ended = Ended(at=at, outcome="cancelled", reason=reasons.CANCELLED_BETWEEN)
    return replace(record, state=ended, settings=replace(record.settings, held=False))


def _why_waits(note: RunNote, settings: RunSettings) -> Reason:
    if settings.held:
        return reasons.HELD
    return reasons.UNPREPARED if needs_preparation(note.spec) else reasons.IN_LINE


def _as_it_is(base: RunRecord, attempt: _Attempt) -> RunRecord:
    start, exit_ = attempt.start, attempt.exit
    if isinstance(start, Start) and not isinstance(exit_, Exit) and rundir.is_alive(start):
        return replace(base, state=_running(attempt, start))
    if not isinstance(exit_, Exit) and (found := eldest_of(attempt.directory.path)):
        return replace(base, state=_running(attempt, _start_seen(*found)))
    if attempt.flaws and not _is_refused(attempt):
        why = _UNTRUSTED.format(flaw=_why(attempt.flaws[0]))
        return _after_loss(_never_again(base), attempt, why, "untrusted", base)
    if isinstance(exit_, Exit):
        return _after_exit(base, attempt, exit_)
    if isinstance(start, Start):
        return replace(base, state=_running(attempt, start))
    return base


def _is_refused(attempt: _Attempt) -> bool:
    """Whether nothing was begun of it, by the agent's own exit: not against a start that was
    written down. A torn one is what a start may have been refused for."""
    if isinstance(attempt.exit, RunDirError) or was_refused(attempt.exit) is None:
        return False
    start = attempt.start
    return start is None or (isinstance(start, RunDirError) and start.flaw is Flaw.TORN)


def _start_seen(pid: int, since: int) -> Start:
    """What its start.json may have said: of the process that has been there for longest."""
    ago_s = time.clock_gettime(time.CLOCK_BOOTTIME) - since / rundir.TICKS_PER_S
    return Start(
        boot_id=rundir.boot_id(),
        pid=pid,
        start_time=since,
        shim_pid=0,
        shim_start_time=0,
        at=time.time() - ago_s,
    )


def _running(attempt: _Attempt, start: Start) -> Running:
    # The command's own pid was not written down when the start was cut off: its shim's then.
    pid = start.pid if start.pid > 0 else max(1, start.shim_pid)
    limit_s = attempt.note.spec.time_limit_s
    limit_at = None if limit_s is None else start.at + limit_s
    return Running(since=start.at, pid=pid, lease=attempt.note.lease, limit_at=limit_at)


def _earlier(base: RunRecord, attempt: _Attempt) -> AttemptEnd:
    """How an attempt ended that another one followed."""
    number = attempt.directory.attempt
    base = _never_again(replace(base, attempt=number))
    if isinstance(attempt.exit, Exit):
        record = _after_exit(base, attempt, attempt.exit)
    else:
        flaws = attempt.flaws
        why = _UNTRUSTED.format(flaw=_why(flaws[0])) if flaws else _NO_EXIT
        record = _after_loss(base, attempt, why, "untrusted" if flaws else "unknown", base)
    state = record.state
    assert isinstance(state, Ended)
    return AttemptEnd(
        attempt=number,
        at=state.at,
        outcome=state.outcome,
        reason=without_lines(state.reason),
        started_at=state.started_at,
        exit_code=state.exit_code,
        signal=state.signal,
        lease=state.lease,
    )


def _never_again(base: RunRecord) -> RunRecord:
    return replace(base, spec=replace(base.spec, retry=RetryRule()))


def _after_loss(
    base: RunRecord, attempt: _Attempt, why: str, cause: e.LostCause, whole: RunRecord
) -> RunRecord:
    start = attempt.start if isinstance(attempt.start, Start) else None
    at = start.at if start is not None else base.submitted_at
    state: RunState = Starting(since=at, lease=attempt.note.lease)
    if start is not None:
        state = _running(attempt, start)
    lost = e.AttemptLost(run=base.run, attempt=base.attempt, at=at, why=why, cause=cause)
    return replace(_judged(replace(base, state=state), lost, at), spec=whole.spec)


def _after_exit(base: RunRecord, attempt: _Attempt, exit_: Exit) -> RunRecord:
    start = attempt.start if isinstance(attempt.start, Start) else None
    # The machine's clock may have been set back between the two.
    begun_at = start.at if start is not None else base.submitted_at
    exit_ = replace(exit_, at=max(exit_.at, begun_at))
    problem = was_refused(exit_) if _is_refused(attempt) else never_ran(exit_)
    if problem is not None:
        failure = start_failure(problem, attempt.directory, base.spec.command[0])
        starting = Starting(since=base.submitted_at, lease=attempt.note.lease)
        failed = e.AttemptStartFailed(run=base.run, attempt=base.attempt, failure=failure)
        return _judged(replace(base, state=starting), failed, exit_.at)
    state: RunState = Starting(since=exit_.at, lease=attempt.note.lease)
    if start is not None:
        state = _running(attempt, start)
    base = replace(base, state=state)
    if exit_.shutdown:
        why = rundir.SHUT_DOWN
        lost = e.AttemptLost(
            run=base.run, attempt=base.attempt, at=exit_.at, why=why, cause="reboot"
        )
        return _judged(base, lost, exit_.at)
    if exit_.error is not None:
        why = f"How it ended is not known: {exit_.error.text}."
        timed_out = _timed_out(base, exit_, start)
        lost = e.AttemptLost(
            run=base.run,
            attempt=base.attempt,
            at=exit_.at,
            why=why,
            timed_out=timed_out,
            stopped=exit_.stopped and not timed_out,
        )
        return _judged(base, lost, exit_.at)
    return _judged(base, _exited(base, attempt, exit_, start), exit_.at)


def _exited(
    base: RunRecord, attempt: _Attempt, exit_: Exit, start: Start | None
) -> e.AttemptExited:
    stages = _stages(attempt.directory)
    timed_out = _timed_out(base, exit_, start)
    pre_failed = stages.pre is not None and not stages.pre.succeeded
    fact = e.AttemptExited(
        run=base.run,
        attempt=base.attempt,
        at=exit_.at,
        code=exit_.code,
        signal=exit_.signal,
        started_at=start.at if start is not None else None,
        timed_out=timed_out,
        stopped=exit_.stopped and not timed_out,
        stage="pre" if pre_failed else "command",
        pre_error="" if stages.pre is None else stages.pre.error or "",
        left=exit_.left,
        post_failed=stages.post is not None and not stages.post.succeeded,
        post_code=None if stages.post is None else stages.post.code,
        post_signal=None if stages.post is None else stages.post.signal,
        post_error="" if stages.post is None else stages.post.error or "",
        disk_full=exit_.disk_full,
    )
    return replace(fact, cause=_cause(base, attempt.directory, fact, exit_.oom_kills))


def _timed_out(base: RunRecord, exit_: Exit, start: Start | None) -> bool:
    """A limit that the agent carried out looks like a stop to the shim."""
    limit_s = base.spec.time_limit_s
    over_time = limit_s is not None and start is not None and exit_.at - start.at >= limit_s
    return exit_.timed_out or (exit_.stopped and over_time)


def _cause(
    base: RunRecord, directory: AttemptDir, fact: e.AttemptExited, oom_kills: int
) -> Reason | None:
    """As it was found before. Nothing of the log of a run with secrets is told once these are gone:
    it may hold them."""
    secrets: tuple[str, ...] | None = ()
    if base.spec.secrets:
        secrets = words_on_disk(directory.path.parents[2], base.run)
    if secrets is None or not is_failure(fact):
        return None
    return find_cause(directory, fact.code, fact.signal, secrets=secrets, oom_kills=oom_kills)


def _stages(directory: AttemptDir) -> rundir.Stages:
    """What is told of the stages; the outcome itself doesn't hang on them."""
    try:
        return rundir.read_stages(directory) or rundir.Stages()
    except (RunDirError, OSError):
        return rundir.Stages()


def _judged(base: RunRecord, event: e.AttemptFact, at: float) -> RunRecord:
    """What the core makes of the event. Another attempt is not begun unasked: who knows what else
    was lost."""
    alone = replace(base, ordinal=1, seq=1)
    core = AgentCore(Kept(runs=(alone,), seq=1, ordinal=1), _ALONE)
    step = core.handle(event, at)
    record = replace(step.changed[base.run].record(), ordinal=base.ordinal)
    if isinstance(record.state, Ended):
        return record
    settings = replace(record.settings, held=True)
    return replace(record, settings=settings, state=Queued(since=at, reason=HELD_AFTER_LOSS))


def _is_held(record: RunRecord) -> bool:
    return isinstance(record.state, Queued) and record.state.reason == HELD_AFTER_LOSS


# --- All runs ------------------------------------------------------------------------------------


def _numbered(records: Iterable[RunRecord], seq: int) -> Iterator[RunRecord]:
    """Each with a number and a place of its own: directories may have been copied or edited."""
    place = 0
    for number, record in enumerate(records, seq + 1):
        sound = place < record.ordinal < ORDINAL_MAX
        place = record.ordinal if sound else place + 1
        yield replace(record, seq=number, ordinal=place)


def _with_leases(records: Iterable[RunRecord]) -> tuple[list[RunRecord], list[RunId]]:
    """The ledger would not take leases that clash; those that come later are dropped."""
    ledger = Ledger()
    kept: list[RunRecord] = []
    dropped: list[RunId] = []
    for record in records:
        state = record.state
        if isinstance(state, Running) and not _takes(ledger, record, state.lease):
            dropped.append(record.run)
            kept.append(replace(record, state=replace(state, lease=Lease())))
        else:
            kept.append(record)
    return kept, dropped


def _takes(ledger: Ledger, record: RunRecord, lease: Lease) -> bool:
    try:
        ledger.take((record.run, record.attempt), lease)
    except LanherdError:
        return False
    return True


# --- Files ---------------------------------------------------------------------------------------


def _entries(folder: Path) -> list[Path]:
    """All that is in a folder, in order; nothing if there is no such folder."""
    try:
        return [folder / name for name in sorted(os.listdir(folder))]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdecimal() and name[0] != "0" and len(name) < 10


def _or_flaw(read: Callable[[], Part | None]) -> Part | RunDirError | None:
    """A flaw says something of the file; that it can't be read at all says nothing of the run."""
    try:
        return read()
    except RunDirError as flaw:
        if flaw.flaw is Flaw.UNREADABLE:
            raise
        return flaw


def _why(problem: Exception) -> str:
    return problem.words if isinstance(problem, RunDirError) else str(problem)
