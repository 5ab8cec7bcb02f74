"""Whether what the machine tells of a run's ends can be true, by what the run's job wrote down."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lanherd_client.attempts import attempts_of
from lanherd_protocol.states import AttemptEnd, Ended, RunView
from tests.soak.load import Sent
from tests.support.job_truth import JobTruth

# A clock of the same machine, but two processes that wait for a processor.
EXIT_TOLD_WITHIN_S = 5.0
STOP_SENT_BEFORE_S = 1.0
CLOCKS_S = 0.5
LIMIT_LATE_S = 12.0
"""Beyond a limit and its grace: the shim's slack, its sweeps, and a machine under load."""
NEVER_BEGIN = {"missing", "barred"}


@dataclass(frozen=True)
class Facts:
    """All that is known beside the machine's own words."""

    sent: Sent
    truths: Mapping[int, JobTruth]
    """By attempt."""
    shot: frozenset[int]
    """Attempts whose shim was killed."""
    truth_folder: Path


def judge(view: RunView, facts: Facts) -> Iterator[str]:
    """What is not true in it."""
    ends = attempts_of(view)
    for end in ends:
        truth = facts.truths.get(end.attempt, JobTruth())
        for text in _judge_end(end, view, facts, truth):
            yield f"attempt {end.attempt}: {text}: told {end}; true {truth}"
    yield from _judge_retries(view, ends, facts)


def _judge_end(end: AttemptEnd, view: RunView, facts: Facts, truth: JobTruth) -> Iterator[str]:
    shot = end.attempt in facts.shot
    match end.outcome:
        case "succeeded":
            if truth.ended_at is None or truth.code != 0 or end.exit_code != 0:
                yield "it succeeded, and didn't"
        case "failed":
            yield from _judge_failed(end, view, truth, shot)
        case "cancelled":
            yield from _judge_cancelled(end, truth, facts.sent)
        case "timed_out":
            yield from _judge_timed_out(end, view, truth)
        case _:
            if not shot:
                yield f"it is {end.outcome}, and nobody shot its shim"
    if truth.ended_at is not None and end.started_at is not None and end.outcome != "lost":
        late_s = end.at - truth.ended_at
        if not -CLOCKS_S < late_s < EXIT_TOLD_WITHIN_S:
            yield f"its end is told {late_s:.1f} s late"
    yield from _judge_length(end, view)
    if view.spec.post_command and not shot:
        yield from _judge_post(end, view, truth, facts)


def _judge_failed(end: AttemptEnd, view: RunView, truth: JobTruth, shot: bool) -> Iterator[str]:
    if view.spec.name in NEVER_BEGIN:
        if truth.starts:
            yield "it can't have started"
    elif end.started_at is None:
        if truth.starts or not shot:
            yield "it failed to start"
    elif (truth.code, truth.signal) != (end.exit_code, end.signal) or truth.ended_at is None:
        yield "it ended otherwise"


def _judge_cancelled(end: AttemptEnd, truth: JobTruth, sent: Sent) -> Iterator[str]:
    if end.reason.code == "dependency_failed":
        if truth.starts or not sent.new.spec.dependencies:
            yield "its dependency can't have kept it back"
    elif sent.stopped_at is None:
        yield "nobody stopped it"
    elif truth.ended_at is not None and truth.ended_at < sent.stopped_at - STOP_SENT_BEFORE_S:
        yield "it had ended by itself, before it was stopped"
    elif end.started_at is None and truth.starts:
        yield "it did start"


def _judge_timed_out(end: AttemptEnd, view: RunView, truth: JobTruth) -> Iterator[str]:
    limit_s = view.spec.time_limit_s
    if limit_s is None or end.started_at is None or end.at < end.started_at + limit_s - CLOCKS_S:
        yield "its time was not over"
    elif truth.ended_at and truth.ended_at < end.started_at + limit_s - STOP_SENT_BEFORE_S:
        yield "it had ended before its time was over"


def _judge_length(end: AttemptEnd, view: RunView) -> Iterator[str]:
    limit_s = view.spec.time_limit_s
    if limit_s is not None and end.started_at is not None:
        late_s = end.at - end.started_at - limit_s - view.spec.stop.grace_s
        if late_s > LIMIT_LATE_S:
            yield f"it went on for {late_s:.1f} s after its time was over"


def _judge_post(end: AttemptEnd, view: RunView, truth: JobTruth, facts: Facts) -> Iterator[str]:
    """What comes after the command came, and was told how that ended."""
    note = facts.truth_folder / f"{view.run}-{end.attempt}.post"
    ended_by_itself = end.outcome in ("succeeded", "failed") and truth.ended_at is not None
    if ended_by_itself and (not note.exists() or note.read_text().strip() != str(truth.code)):
        told = note.read_text() if note.exists() else "nothing"
        yield f"what comes after it was told {told!r}"


def _judge_retries(view: RunView, ends: tuple[AttemptEnd, ...], facts: Facts) -> Iterator[str]:
    rule = view.spec.retry
    if [end.attempt for end in ends] != list(range(1, view.attempt + 1)):
        yield f"its attempts are {[end.attempt for end in ends]}, it is at {view.attempt}"
    if view.attempt > rule.attempts_max:
        yield f"it had {view.attempt} attempts of {rule.attempts_max}"
    for end in ends[:-1]:
        if not _is_to_be_retried(end, view):
            yield f"attempt {end.attempt} was tried again, and should not: {end}"
    last = ends[-1] if ends else None
    if last is None or view.attempt >= rule.attempts_max or facts.sent.stopped_at is not None:
        return
    if last.started_at is not None and _is_to_be_retried(last, view):
        yield f"its last attempt should be tried again: {last}"


def _is_to_be_retried(end: AttemptEnd, view: RunView) -> bool:
    rule = view.spec.retry
    if end.outcome not in rule.on:
        return False
    if end.outcome != "failed" or not (rule.exit_codes or rule.signals):
        return True
    return end.exit_code in rule.exit_codes or end.signal in rule.signals


def judge_order(
    view: RunView, views: Mapping[str, RunView], truths: dict[str, float]
) -> Iterator[str]:
    """Whether it began after what it waits for. `truths`: when each run's first attempt began."""
    began = truths.get(view.run)
    for dependency in view.spec.dependencies:
        other = views.get(dependency.run)
        if began is None or other is None or not isinstance(other.state, Ended):
            continue
        if dependency.kind == "after":
            other_at = min(truths.get(other.run, other.state.at), other.state.at)
        else:
            other_at = other.state.at
        if began < other_at - CLOCKS_S:
            yield f"it began {other_at - began:.2f} s before run {other.run} ({dependency.kind})"
        if dependency.kind == "after_ok" and other.state.outcome != "succeeded":
            yield f"it began, and run {other.run} is {other.state.outcome}"
