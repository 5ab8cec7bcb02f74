"""After the soak: all that the machine says is held against what the jobs themselves know."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lanherd_agent.core.core import AgentCore
from lanherd_agent.core.invariants import violations
from lanherd_agent.persist.store import Loaded
from lanherd_agent.runs import rundir
from lanherd_client.attempts import attempts_of
from lanherd_protocol.states import Ended, RunView
from tests.soak.judging import Facts, judge, judge_order
from tests.soak.killer import Killer
from tests.soak.kinds import SECRET
from tests.soak.load import Load, Sent
from tests.soak.machine import Machine
from tests.support.job_truth import JobTruth, check_log, processes_of, read_truth

SECRET_MARK = SECRET.encode() + b"-"


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
            self._check_run(view)
            self._check_attempts(view)
        self._check_order({view.run: view for view in views})
        for fault in self._load.faults:
            audit.broken += 1
            audit.say("", fault)

    def _check_run(self, view: RunView) -> None:
        audit = self.audit
        ends = attempts_of(view)
        audit.outcomes.update(end.outcome for end in ends)
        facts = Facts(
            sent=self._load.sent[view.run],
            truths={end.attempt: self._truth(view.run, end.attempt) for end in ends},
            shot=frozenset(e.attempt for e in ends if self._was_shot(view.run, e.attempt)),
            truth_folder=self._machine.truth,
        )
        for text in judge(view, facts):
            audit.wrong_outcomes += 1
            audit.say(view.run, f"{text} ({view.spec.name})")

    def _check_order(self, views: dict[str, RunView]) -> None:
        began = {run: truth.starts[0] for run in views if (truth := self._truth(run, 1)).starts}
        for view in views.values():
            for text in judge_order(view, views, began):
                self.audit.wrong_outcomes += 1
                self.audit.say(view.run, text)

    def _truth(self, run: str, attempt: int) -> JobTruth:
        return read_truth(self._machine.truth, run, attempt)

    def _was_shot(self, run: str, attempt: int) -> bool:
        """Whether its shim was killed."""
        if (run, attempt) in self._killer.shims_killed:
            return True
        directory = rundir.AttemptDir.of(self._machine.home, run, attempt)
        try:
            start, exit_ = rundir.read_start(directory), rundir.read_exit(directory)
        except rundir.RunDirError:
            return self._killer.shims_armed  # torn by such a death: no pid in it
        if start is not None and start.shim_pid in self._killer.shims_at_points:
            return True
        return self._killer.shims_armed and (exit_ is None or exit_.witness != "shim")

    def _check_attempts(self, view: RunView) -> None:
        """No attempt was started twice, and none that nobody told of."""
        for path in self._machine.truth.glob(f"{view.run}-*.jsonl"):
            attempt = int(path.stem.rpartition("-")[2])
            starts = len(self._truth(view.run, attempt).starts)
            if starts > 1 or attempt > view.attempt:
                self.audit.doubled += 1
                text = f"attempt {attempt} was started {starts} times, it has {view.attempt}"
                self.audit.say(view.run, text)

    def check_logs(self) -> None:
        for path in sorted((self._machine.home / "runs").glob("*/*/log")):
            run, attempt = path.parent.parent.name, int(path.parent.name)
            data = path.read_bytes()
            streams, err = "oe", path.with_name("log.err")
            if err.exists():
                self._check_log(run, attempt, err.read_bytes(), "e")
                streams = "o"
            self._check_log(run, attempt, data, streams)
            sent = self._load.sent.get(run)
            if sent is not None and attempt == 1 and sent.followed is not None:
                self._check_followed(sent, data)

    def _check_log(self, run: str, attempt: int, data: bytes, streams: str) -> None:
        audit = self.audit
        printed = self._truth(run, attempt).printed
        audit.log_bytes += len(data)
        own = {stream: printed[stream] for stream in streams if stream in printed}
        check = check_log(data, f"{run}-{attempt}", own)
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

    def check_secrets(self) -> None:
        """No value of a secret is left, wherever one looks."""
        values = [
            v.encode() for sent in self._load.sent.values() for v in sent.new.secrets.values()
        ]
        found = [path for path in self._machine.folder.rglob("*") if path.is_file()]
        for path in found:
            if path.is_relative_to(self._machine.truth):
                continue
            data = path.read_bytes()
            if SECRET_MARK in data and any(value in data for value in values):
                self.audit.broken += 1
                self.audit.say("", f"a secret is left in {path}")

    def check_processes(self, patience_s: float, own: Sequence[int]) -> None:
        audit = self.audit
        for pid in {*processes_of(self._machine.truth), *own}:
            audit.orphans += 1
            audit.say("", f"process {pid} is left after {patience_s:g} s: {words_of(pid)}")


def words_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()[:300]
    except (FileNotFoundError, ProcessLookupError):
        return f"gone at {time.time():.1f}"
