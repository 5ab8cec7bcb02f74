"""What has really happened, whatever the agent remembers; and what the agent's records are held
against: a second, plainer telling of the same rules."""

from dataclasses import dataclass, field

from msgspec.structs import replace

from lanherd_agent.core.effects import StartAttempt
from lanherd_agent.core.run_states import RunRecord, needs_preparation
from lanherd_protocol.ids import GpuUuid, RunId
from lanherd_protocol.messages import NewRun
from lanherd_protocol.states import AttemptEnd, Ended, Outcome, RunView
from lanherd_protocol.values import Lease, RunSettings, RunSpec

Attempt = tuple[RunId, int]
SLACK_S = 0.001
"""What the sums of floats may differ by."""


@dataclass
class Process:
    """What the run directory of an attempt holds: it was started once, and how it ended.

    `began` and `over` are true times, which nobody sets. `gone` says why nobody saw its end;
    `by_us` that a signal of the agent's, or of its shim's in its place, ended it.
    """

    pid: int
    spec: RunSpec
    lease: Lease
    started_at: float
    began: float
    ignores_signals: bool = False
    kill_at: float | None = None
    over: float | None = None
    ended_at: float = 0.0
    code: int | None = None
    signal: int | None = None
    in_pre: bool = False
    post_failed: bool = False
    left: int = 0
    timed_out: bool = False
    stopped: bool = False
    by_us: bool = False
    gone: str = ""

    @property
    def alive(self) -> bool:
        return self.over is None

    def end(
        self, now: float, wall: float, code: int | None = None, signal: int | None = None
    ) -> None:
        assert self.alive, "a process ended twice"
        self.over, self.ended_at, self.code, self.signal = now, wall, code, signal


@dataclass
class Truth:
    """`stops` are the runs that a person wanted to end, also where nobody heard whether it was
    taken; `stopped_at` is the attempt at which it surely was."""

    acknowledged: dict[RunId, NewRun] = field(default_factory=dict)
    processes: dict[Attempt, Process] = field(default_factory=dict)
    refused_start: set[Attempt] = field(default_factory=set)
    ended: dict[RunId, Ended] = field(default_factory=dict)
    stops: set[RunId] = field(default_factory=set)
    stopped_at: dict[RunId, int] = field(default_factory=dict)
    removed: set[RunId] = field(default_factory=set)
    noted: dict[RunId, RunSettings] = field(default_factory=dict)
    faulty: set[GpuUuid] = field(default_factory=set)
    """GPUs for which the driver has reported a fault of theirs."""
    crashes: int = 0
    full_disks: int = 0
    reboots: int = 0
    answered_again: int = 0
    retries: int = 0
    late_causes: int = 0
    clock_was_set: bool = False

    def seen(self) -> dict[str, int]:
        """How much of what has happened, for people."""
        return {
            "runs": len(self.ended),
            "attempts": len(self.processes),
            "retries": self.retries,
            "causes seen late": self.late_causes,
            "requests sent again": self.answered_again,
            "files removed": len(self.removed),
            "crashes": self.crashes,
            "reboots": self.reboots,
            "full disks": self.full_disks,
        }

    # --- As it happens ---------------------------------------------------------------------------

    def see(self, view: RunView) -> None:
        """What was told of a run: an end stays the end."""
        if isinstance(view.state, Ended):
            self.end(view.run, view.state)
        else:
            assert view.run not in self.ended, "a run went on after its end"

    def end(self, run: RunId, state: Ended) -> None:
        """Its reason alone may be known better later: that its GPU failed."""
        known = self.ended.setdefault(run, state)
        if known == state:
            return
        assert replace(known, reason=state.reason) == state, "a run ended twice"
        assert state.reason.code == "gpu_xid" != known.reason.code, "an end had other reasons"
        self.late_causes += 1
        self.ended[run] = state

    def check_start(self, effect: StartAttempt, now: float) -> None:
        """Whether this attempt may begin now."""
        run, spec = effect.run, effect.spec
        assert not effect.settings.held, "a held run was started"
        assert run not in self.ended, "a run was started after its end"
        last = self.stopped_at.get(run, effect.attempt)
        assert effect.attempt <= last, "what was stopped was tried again"
        assert run not in self.removed, "a run was started without its files"
        assert not needs_preparation(spec) or effect.prepared is not None, "it was not prepared"
        earlier = [self.processes.get((run, number)) for number in range(1, effect.attempt)]
        for one in earlier:
            assert one is not None and not one.alive, "an attempt began beside another"
        if earlier and not self.clock_was_set:
            rule, before = spec.retry, earlier[-1]
            assert before is not None and before.over is not None
            grown = rule.backoff_s * rule.backoff_factor ** (effect.attempt - 2)
            waited_s = now - before.over
            assert waited_s >= min(grown, rule.backoff_s_max) - SLACK_S, "it came back too early"
        for dependency in spec.dependencies:
            end = self.ended.get(dependency.run)
            began = (dependency.run, 1) in self.processes
            came_true = {
                "after": began or end is not None,
                "after_any": end is not None,
                "after_ok": end is not None and end.outcome == "succeeded",
            }
            assert came_true[dependency.kind], f"it was started before {dependency.kind} was true"

    # --- At the end ------------------------------------------------------------------------------

    def judge(self, record: RunRecord) -> None:
        """One run's record against what has happened to it."""
        state = record.state
        assert isinstance(state, Ended), "a run never ended"
        assert self.ended.get(record.run) == state, "an end was not told"
        submitted = self.acknowledged.get(record.run)
        if submitted is not None:
            assert (record.spec, record.first_settings) == (submitted.spec, submitted.settings)
        assert [one.attempt for one in record.earlier] == list(range(1, record.attempt))
        ran = {number for run, number in self.processes if run == record.run}
        assert ran <= set(range(1, record.attempt + 1)), "an attempt is not in the records"
        self.retries += len(record.earlier)
        for one in record.earlier:
            self._judge_end(record, one.attempt, one)
            assert record.spec.retry.attempts_max > one.attempt, "it was tried too often"
            assert _is_tried_again(record.spec, one), "it was tried again against its rule"
        self._judge_end(record, record.attempt, state)
        process = self.processes.get((record.run, record.attempt))
        if process is not None and record.run not in self.stops:
            tried_out = record.attempt >= record.spec.retry.attempts_max
            assert tried_out or not _is_tried_again(record.spec, state), "it was not tried again"
        assert (record.files_removed_at is not None) == (record.run in self.removed)
        if record.run in self.noted and record.run not in self.removed:
            assert self.noted[record.run] == record.settings, "old settings lie beside the run"

    def _judge_end(self, record: RunRecord, attempt: int, end: Ended | AttemptEnd) -> None:
        process = self.processes.get((record.run, attempt))
        if process is None:
            self._judge_unstarted(record, end)
            return
        assert not process.alive, "a process outlived its run"
        assert end.outcome in self._honest(record, process), "an outcome is not true"
        if not process.gone:
            assert (end.exit_code, end.signal) == (process.code, process.signal)
        if end.outcome == "succeeded":
            assert process.code == 0 and not process.in_pre, "a success that nobody saw"
        assert end.started_at == process.started_at and end.lease == process.lease
        if end.reason.code == "gpu_xid":
            assert self.faulty & {gpu.uuid for gpu in end.lease.gpus}, "its GPU had no fault"

    def _judge_unstarted(self, record: RunRecord, end: Ended | AttemptEnd) -> None:
        assert end.outcome in ("failed", "cancelled"), "a run that never ran succeeded"
        if end.reason.code == "dependency_failed":
            other = self.ended[RunId(str(end.reason.data["run"]))]
            assert other.outcome != "succeeded", "a run was given up although it could run"
        elif end.outcome == "cancelled":
            assert record.run in self.stops, "a run was cancelled and nobody wanted that"

    def _honest(self, record: RunRecord, process: Process) -> set[Outcome]:
        """What the end of this process may be called."""
        found: set[Outcome] = set()
        if process.gone:
            found.add("lost")
        elif process.timed_out:
            found.add("timed_out")
        elif not process.by_us:
            found.add("succeeded" if process.code == 0 and not process.in_pre else "failed")
        if record.run in self.stops:
            found.add("cancelled")
        limit_s, over = record.spec.time_limit_s, process.over
        if limit_s is not None and over is not None and over - process.began >= limit_s - SLACK_S:
            found.add("timed_out")
        return found


def _is_tried_again(spec: RunSpec, end: Ended | AttemptEnd) -> bool:
    """The retry rule, told once more."""
    rule = spec.retry
    if end.outcome not in rule.on:
        return False
    if end.outcome == "failed" and (rule.exit_codes or rule.signals):
        return end.exit_code in rule.exit_codes or end.signal in rule.signals
    return True
