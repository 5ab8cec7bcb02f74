"""After the soak: all that the machine says is held against what the jobs themselves know."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lanherd_agent.core.core import AgentCore
from lanherd_agent.core.invariants import violations
from lanherd_agent.persist.store import Loaded
from lanherd_agent.runs import rundir
from lanherd_protocol.states import Ended, RunView
from tests.soak.killer import Killer
from tests.soak.load import Load, Sent
from tests.soak.machine import Machine
from tests.support.job_truth import JobTruth, check_log, processes_of, read_truth

# A clock of the same machine, but two processes that wait for a processor.
EXIT_TOLD_WITHIN_S = 5.0
STOP_SENT_BEFORE_S = 1.0


@dataclass
class Audit:
    """What is wrong, counted, and each in a sentence."""

    lost: int = 0
    doubled: int = 0
    wrong_outcomes: int = 0
    log_bytes_lost: int = 0
    log_bytes_doubled: int = 0
    orphans: int = 0
    broken: int = 0
    """Invariants, leases that are left, replies that differ."""
    log_bytes: int = 0
    followed: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    words: list[str] = field(default_factory=list)

    def say(self, run: str, text: str) -> None:
        self.words.append(f"run {run}: {text}" if run else text)


@dataclass(frozen=True)
class End:
    """How one attempt ended, as the machine tells it."""

    run: str
    attempt: int
    at: float
    outcome: str
    reason: str
    started_at: float | None
    code: int | None
    signal: int | None


def ends_of(view: RunView) -> Iterator[End]:
    for old in view.earlier:
        yield End(
            view.run, old.attempt, old.at, old.outcome, old.reason.text, old.started_at,
            old.exit_code, old.signal,
        )  # fmt: skip
    state = view.state
    if isinstance(state, Ended):
        yield End(
            view.run, view.attempt, state.at, state.outcome, state.reason.text, state.started_at,
            state.exit_code, state.signal,
        )  # fmt: skip


class Auditor:
    def __init__(self, machine: Machine, load: Load, killer: Killer) -> None:
        self._machine, self._load, self._killer = machine, load, killer
        self.audit = Audit()

    def check_runs(self, views: Sequence[RunView]) -> None:
        """Each submitted run once, over, and truly told."""
        audit = self.audit
        counts = Counter(view.run for view in views)
        for run in self._load.sent.keys() - counts.keys():
            audit.lost += 1
            audit.say(run, "it was submitted and acknowledged, and is not there any more")
        for run, count in counts.items():
            if count > 1 or run not in self._load.sent:
                audit.doubled += 1
                audit.say(run, f"it is listed {count} times")
        for view in views:
            if not isinstance(view.state, Ended):
                audit.wrong_outcomes += 1
                audit.say(view.run, f"it should be over, and is {view.state}")
            for end in ends_of(view):
                self._check_end(end, view)
            self._check_attempts(view)
        for fault in self._load.faults:
            audit.broken += 1
            audit.say("", fault)

    def _check_end(self, end: End, view: RunView) -> None:
        audit = self.audit
        truth = read_truth(self._machine.truth, end.run, end.attempt)
        audit.outcomes[end.outcome] += 1
        for text in judge(end, view, truth, self._load.sent[end.run], self._was_shot(end)):
            audit.wrong_outcomes += 1
            audit.say(end.run, f"attempt {end.attempt}: {text}: told {end}; true {truth}")

    def _was_shot(self, end: End) -> bool:
        """Whether its shim was killed."""
        if (end.run, end.attempt) in self._killer.shims_killed:
            return True
        directory = rundir.AttemptDir.of(self._machine.home, end.run, end.attempt)
        try:
            start = rundir.read_start(directory)
        except rundir.RunDirError:
            return bool(self._killer.shims_at_points)  # torn by such a death: no pid in it
        return start is not None and start.shim_pid in self._killer.shims_at_points

    def _check_attempts(self, view: RunView) -> None:
        """No attempt was started twice, and none that nobody told of."""
        for path in self._machine.truth.glob(f"{view.run}-*.jsonl"):
            attempt = int(path.stem.rpartition("-")[2])
            starts = len(read_truth(self._machine.truth, view.run, attempt).starts)
            if starts > 1 or attempt > view.attempt:
                self.audit.doubled += 1
                text = f"attempt {attempt} was started {starts} times, it has {view.attempt}"
                self.audit.say(view.run, text)

    def check_logs(self) -> None:
        for path in sorted((self._machine.home / "runs").glob("*/*/log")):
            run, attempt = path.parent.parent.name, int(path.parent.name)
            data = path.read_bytes()
            self._check_log(run, attempt, data)
            sent = self._load.sent.get(run)
            if sent is not None and attempt == 1 and sent.followed is not None:
                self._check_followed(sent, data)

    def _check_log(self, run: str, attempt: int, data: bytes) -> None:
        audit = self.audit
        truth = read_truth(self._machine.truth, run, attempt)
        audit.log_bytes += len(data)
        check = check_log(data, f"{run}-{attempt}", truth.printed)
        audit.log_bytes_lost += check.lost + check.strange
        audit.log_bytes_doubled += check.doubled
        for text in check.words[:5]:
            audit.say(run, f"log of attempt {attempt}: {text}")

    def _check_followed(self, sent: Sent, data: bytes) -> None:
        """The reader who was there all the time has the same bytes."""
        assert sent.followed is not None
        audit = self.audit
        audit.followed += sent.followed_whole
        got = bytes(sent.followed)
        if got == data or (not sent.followed_whole and data.startswith(got)):
            return
        audit.log_bytes_lost += max(len(data) - len(got), 0)
        audit.log_bytes_doubled += max(len(got) - len(data), 0)
        same = next((i for i, (a, b) in enumerate(zip(got, data, strict=False)) if a != b), None)
        text = f"a follower has {len(got)} bytes of {len(data)}, the first other one is {same}"
        audit.say(sent.new.run, text)
        audit.broken += len(got) == len(data)

    def check_records(self, loaded: Loaded, views: Sequence[RunView]) -> None:
        """What the store holds is what was told, and fits together."""
        audit = self.audit
        kept = {record.run: record for record in loaded.kept.runs}
        for run in {view.run for view in views} ^ kept.keys():
            audit.lost += 1
            audit.say(run, "it is listed and not kept, or kept and not listed")
        core = AgentCore(loaded.kept)
        for text in violations(core):
            audit.broken += 1
            audit.say("", text)
        for holder, lease in core.books.ledger.leases().items():
            audit.broken += 1
            audit.say("", f"{holder} still holds {lease}")

    def check_processes(self, patience_s: float, own: Sequence[int]) -> None:
        audit = self.audit
        for pid in {*processes_of(self._machine.truth), *own}:
            audit.orphans += 1
            audit.say("", f"process {pid} is left after {patience_s:g} s: {words_of(pid)}")


def judge(end: End, view: RunView, truth: JobTruth, sent: Sent, shot: bool) -> Iterator[str]:
    """What is not true in how this attempt's end is told."""
    match end.outcome:
        case "succeeded":
            if truth.ended_at is None or truth.code != 0 or end.code != 0:
                yield "it succeeded, and didn't"
        case "failed":
            yield from _judge_failed(end, view, truth, shot)
        case "cancelled":
            yield from _judge_cancelled(end, truth, sent)
        case "timed_out":
            yield from _judge_timed_out(end, view, truth)
        case _:
            if not shot:
                yield f"it is {end.outcome}, and nobody shot its shim"
    if truth.ended_at is not None and end.started_at is not None and end.outcome != "lost":
        late_s = end.at - truth.ended_at
        if not -0.5 < late_s < EXIT_TOLD_WITHIN_S:
            yield f"its end is told {late_s:.1f} s late"


def _judge_timed_out(end: End, view: RunView, truth: JobTruth) -> Iterator[str]:
    limit = view.spec.time_limit_s
    if limit is None or not truth.starts or end.at < truth.starts[0] + limit - 0.5:
        yield "its time was not over"
    elif truth.ended_at and truth.ended_at < truth.starts[0] + limit - STOP_SENT_BEFORE_S:
        yield "it had ended before its time was over"


def _judge_failed(end: End, view: RunView, truth: JobTruth, shot: bool) -> Iterator[str]:
    if view.spec.name == "missing":
        if truth.starts or end.started_at is not None:
            yield "it can't have started"
    elif end.started_at is None:
        if truth.starts or not shot:
            yield "it failed to start"
    elif (truth.code, truth.signal) != (end.code, end.signal) or truth.ended_at is None:
        yield "it ended otherwise"


def _judge_cancelled(end: End, truth: JobTruth, sent: Sent) -> Iterator[str]:
    if sent.stopped_at is None:
        yield "nobody stopped it"
    elif truth.ended_at is not None and truth.ended_at < sent.stopped_at - STOP_SENT_BEFORE_S:
        yield "it had ended by itself, before it was stopped"
    elif end.started_at is None and truth.starts:
        yield "it did start"


def words_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()[:300]
    except (FileNotFoundError, ProcessLookupError):
        return f"gone at {time.time():.1f}"
