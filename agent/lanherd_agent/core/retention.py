"""Which ended runs' files go: a pure plan from what there is, the rules, and the free space.

The oldest go first. A run that is not over has no place here; one that is pinned, or that a run
which is not over depends on, is not seen by any rule: it is never removed, and takes no other's
place either. Of several bounds that a run exceeds, the first of age, count, size and free space is
told as the reason.
"""

import math
from collections.abc import Iterable, Sequence

from msgspec import Struct

from lanherd_agent.core.reasons import disk_size, duration, plural
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import RunId
from lanherd_protocol.limits import RETENTION_RULES_MAX
from lanherd_protocol.values import Reason, Removal, RetentionRule, RetentionRules

NOT_APPLIED = "retention_not_applied"
NOT_MEASURED = "retention_not_measured"


class EndedFiles(Struct, frozen=True, kw_only=True):
    """The files of a run that is over. `needed`: a run that is not over depends on it."""

    run: RunId
    project: str
    ended_at: float
    size_bytes: int
    pinned: bool = False
    needed: bool = False


def plan(
    files: Iterable[EndedFiles], rules: RetentionRules, free_bytes: int | None, now: float
) -> tuple[Removal, ...]:
    """What would go now, oldest first. `free_bytes` None: free space is not known, and no rule."""
    loose = [one for one in files if not (one.pinned or one.needed)]
    loose.sort(key=lambda one: (one.ended_at, one.run))
    chosen: dict[RunId, Reason] = {}
    for choose in (_too_old, _too_many, _too_large):
        for rule in rules.rules:
            scope = [one for one in loose if rule.project in ("", one.project)]
            choose([one for one in scope if one.run not in chosen], rule, now, chosen)
    going = sum(one.size_bytes for one in loose if one.run in chosen)
    if free_bytes is not None and rules.free_bytes_min is not None:
        left = [one for one in loose if one.run not in chosen]
        _make_room(left, rules.free_bytes_min, free_bytes, going, chosen)
    return tuple(
        Removal(run=one.run, size_bytes=one.size_bytes, reason=chosen[one.run])
        for one in loose
        if one.run in chosen
    )


Files = Sequence[EndedFiles]
Chosen = dict[RunId, Reason]


def _too_old(scope: Files, rule: RetentionRule, now: float, chosen: Chosen) -> None:
    most = rule.age_s_max
    if most is None:
        return
    for one in scope:
        age_s = now - one.ended_at
        if age_s > most:
            chosen[one.run] = Reason(
                code="retention_age",
                text=f"It ended {duration(age_s)} ago; files {_of(rule)} are kept for"
                f" {duration(most)}.",
                data={"age_s": age_s, "age_s_max": most, "project": rule.project},
            )


def _too_many(scope: Files, rule: RetentionRule, now: float, chosen: Chosen) -> None:
    most = rule.runs_max
    if most is None:
        return
    for one in scope[: max(0, len(scope) - most)]:
        chosen[one.run] = Reason(
            code="retention_count",
            text=f"Files {_of(rule)} are kept of the newest {most} that ended.",
            data={"runs": len(scope), "runs_max": most, "project": rule.project},
        )


def _too_large(scope: Files, rule: RetentionRule, now: float, chosen: Chosen) -> None:
    most = rule.bytes_max
    if most is None:
        return
    total = left = sum(one.size_bytes for one in scope)
    for one in scope:
        if left <= most:
            return
        if one.size_bytes:
            left -= one.size_bytes
            chosen[one.run] = Reason(
                code="retention_size",
                text=f"Files {_of(rule)} take {disk_size(total)};"
                f" they are kept up to {disk_size(most)}.",
                data={"size_bytes": total, "bytes_max": most, "project": rule.project},
            )


def _make_room(left: Files, least: int, free_bytes: int, going: int, chosen: Chosen) -> None:
    free = free_bytes + going
    for one in left:
        if free >= least:
            return
        if one.size_bytes:
            free += one.size_bytes
            chosen[one.run] = Reason(
                code="retention_free_space",
                text=f"The disk has {disk_size(free_bytes)} free;"
                f" {disk_size(least)} shall stay free.",
                data={"free_bytes": free_bytes, "free_bytes_min": least},
            )


def check_rules(
    rules: RetentionRules, disk_bytes: int | None = None, reachable_bytes: int | None = None
) -> None:
    """Raises INVALID_REQUEST for rules that make no sense, or that ended runs' files can't satisfy.

    `reachable_bytes` would be free if all files that may go were gone. What is refused is told as
    data too: `refusal` names the sentence, the rest its numbers.
    """
    if len(rules.rules) > RETENTION_RULES_MAX:
        raise _invalid(
            f"{len(rules.rules)} rules are too many.",
            f"A machine takes at most {RETENTION_RULES_MAX}.",
            "Give a rule to those projects alone that need their own.",
            refusal="too_many_rules",
            rules=len(rules.rules),
            rules_max=RETENTION_RULES_MAX,
        )
    projects = [rule.project for rule in rules.rules]
    for rule in rules.rules:
        if projects.count(rule.project) > 1:
            raise _invalid(
                f"There are two rules {_for(rule)}.",
                "It would not be clear which of them holds.",
                "Put their bounds into one rule.",
                refusal="two_rules",
                project=rule.project,
            )
        _check_rule(rule)
    _check_space(rules, disk_bytes, reachable_bytes)


def _check_rule(rule: RetentionRule) -> None:
    bounds = {"age": rule.age_s_max, "number": rule.runs_max, "size": rule.bytes_max}
    if all(most is None for most in bounds.values()):
        raise _invalid(
            f"The rule {_for(rule)} has no bound.",
            "It would keep everything, as if it were not there.",
            "Give it an age, a number of runs or a size, or leave it out.",
            refusal="no_bound",
            project=rule.project,
        )
    for what, most in bounds.items():
        if most is not None and not (math.isfinite(most) and most > 0):
            raise _invalid(
                f"{_written(what, most)} can't bound the {what} of what is kept {_for(rule)}.",
                "A run's files would go as it ends, before anybody could read them."
                if most == 0
                else "It is no positive number.",
                "Give a bound above zero; to remove what is there now, remove the runs' files.",
                refusal="zero_bound" if most == 0 else "bad_bound",
                bound=what,
                most=most if math.isfinite(most) else str(most),
                project=rule.project,
            )


def _check_space(
    rules: RetentionRules, disk_bytes: int | None, reachable_bytes: int | None
) -> None:
    low, least = rules.low_disk_bytes, rules.free_bytes_min
    if low < 0 or (least is not None and least <= 0):
        raise _invalid(
            "A bound of the free space is no positive number.",
            "No disk has less than nothing free.",
            "Give a number of bytes; 0 for the low disk lets runs start while there is any space.",
            refusal="bad_space",
            low_disk_bytes=low,
            free_bytes_min=least or 0,
        )
    if least is not None and least < low:
        raise _invalid(
            f"{disk_size(least)} shall stay free, but no run is started below {disk_size(low)}.",
            "Runs would wait before the first old file is removed.",
            "Let more stay free, or let runs start with less.",
            refusal="below_low_disk",
            low_disk_bytes=low,
            free_bytes_min=least,
        )
    most = max(low, least or 0)
    if disk_bytes is not None and most >= disk_bytes:
        raise _invalid(
            f"{disk_size(most)} can't be free on this disk.",
            f"It has {disk_size(disk_bytes)} in all.",
            "Ask for less.",
            refusal="above_disk",
            wanted_bytes=most,
            disk_bytes=disk_bytes,
        )
    if least is not None and reachable_bytes is not None and least > reachable_bytes:
        raise _invalid(
            f"{disk_size(least)} can't be made free.",
            f"With all files of ended runs removed that may go, {disk_size(reachable_bytes)} would"
            " be; the rest is live, pinned, needed by runs that wait, or not Lanherd's.",
            "Ask for less, or unpin what you don't need.",
            refusal="out_of_reach",
            free_bytes_min=least,
            reachable_bytes=reachable_bytes,
        )


def not_applied(why: str) -> Reason:
    """For the machine as a whole: `why` is what the disk or the store said."""
    return Reason(
        code=NOT_APPLIED,
        text=f"The rules of retention can't be applied now: {why}",
        data={"why": why},
        remedy="Look at the disk on which the runs are; it is tried again every few minutes.",
    )


def not_measured(runs: int, why: str) -> Reason:
    return Reason(
        code=NOT_MEASURED,
        text=f"The files of {plural(runs, 'run', 'runs')} can't be read, so retention leaves them "
        f"alone: {why}",
        data={"runs": runs, "why": why},
        remedy="Look at the disk on which the runs are; it is tried again every few minutes.",
    )


def _written(what: str, most: float) -> str:
    """As a person writes it: what can't be a bound is as small as it was given, or no number."""
    unit = {"age": "s", "number": "runs", "size": "B"}[what]
    return f"{str(most).removesuffix('.0')} {unit}"


def _of(rule: RetentionRule) -> str:
    return f"of runs of {rule.project}" if rule.project else "of runs"


def _for(rule: RetentionRule) -> str:
    return f"for the project {rule.project!r}" if rule.project else "for all runs"


def _invalid(title: str, message: str, remedy: str, **data: str | int | float) -> LanherdError:
    return error(ErrorCode.INVALID_REQUEST, title, message, remedy, **data)
