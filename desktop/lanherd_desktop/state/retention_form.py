"""The rules of what a machine keeps of ended runs, as a person writes them.

One rule for all runs of the machine has fields of its own; rules for single projects are kept as
they are. An empty field bounds nothing.
"""

from dataclasses import dataclass
from typing import Literal

from lanherd_client.durations import format_duration, parse_duration
from lanherd_client.sizes import format_size, parse_size
from lanherd_protocol.values import RetentionRule, RetentionRules

RetentionField = Literal["age", "count", "size", "free", "low_disk"]
RetentionProblemCode = Literal[
    "duration", "count", "size", "nothing", "low_disk_empty", "low_disk_first", "disk_smaller"
]


@dataclass(frozen=True, slots=True)
class RetentionForm:
    """The fields as they stand; `projects` are the rules that the form has no fields for."""

    age: str = ""
    count: str = ""
    size: str = ""
    free: str = ""
    low_disk: str = ""
    projects: tuple[RetentionRule, ...] = ()


@dataclass(frozen=True, slots=True)
class RetentionProblem:
    field: RetentionField
    code: RetentionProblemCode
    bytes_max: int = 0
    """The disk's size, where that is the bound."""


def form_of_rules(rules: RetentionRules) -> RetentionForm:
    """The fields that say the same as the rules. Of several rules for all runs, the narrowest."""
    everything = [rule for rule in rules.rules if not rule.project]
    ages = [rule.age_s_max for rule in everything if rule.age_s_max is not None]
    counts = [rule.runs_max for rule in everything if rule.runs_max is not None]
    sizes = [rule.bytes_max for rule in everything if rule.bytes_max is not None]
    return RetentionForm(
        age=format_duration(min(ages)) if ages else "",
        count=str(min(counts)) if counts else "",
        size=_size_text(min(sizes)) if sizes else "",
        free=_size_text(rules.free_bytes_min) if rules.free_bytes_min is not None else "",
        low_disk=_size_text(rules.low_disk_bytes),
        projects=tuple(rule for rule in rules.rules if rule.project),
    )


def _size_text(size_bytes: int) -> str:
    """As somebody would write it: '2 GB', not '2.00 GB'."""
    number, _, unit = format_size(size_bytes).partition(" ")
    whole = number.rstrip("0").rstrip(".") if "." in number else number
    return f"{whole} {unit}"


def check_retention(
    form: RetentionForm, disk_bytes: int = 0
) -> RetentionRules | tuple[RetentionProblem, ...]:
    """The rules, or every problem of the form, in the order of its fields.

    What a machine with a disk of `disk_bytes` (0: not known) would refuse is said before it is
    asked; what only it can know, it says itself.
    """
    problems: list[RetentionProblem] = []
    age = _age(form.age, problems)
    count = _count(form.count, problems)
    size = _size("size", form.size, problems)
    free = _size("free", form.free, problems)
    low_disk = _size("low_disk", form.low_disk, problems)
    if not form.low_disk.strip():
        problems.append(RetentionProblem("low_disk", "low_disk_empty"))
    bounds_of: tuple[tuple[RetentionField, float | None], ...] = (
        ("age", age), ("count", count), ("size", size), ("free", free),
    )  # fmt: skip
    problems.extend(RetentionProblem(name, "nothing") for name, most in bounds_of if most == 0)
    problems.extend(_space(free, low_disk, disk_bytes))
    if problems or low_disk is None:
        return tuple(problems)
    everything = RetentionRule(age_s_max=age, runs_max=count, bytes_max=size)
    bounds = everything != RetentionRule()
    return RetentionRules(
        rules=((everything,) if bounds else ()) + form.projects,
        free_bytes_min=free,
        low_disk_bytes=low_disk,
    )


def _space(free: int | None, low_disk: int | None, disk_bytes: int) -> list[RetentionProblem]:
    asked: tuple[tuple[RetentionField, int | None], ...] = (("free", free), ("low_disk", low_disk))
    too_large = [
        RetentionProblem(name, "disk_smaller", disk_bytes)
        for name, asked_bytes in asked
        if disk_bytes and asked_bytes is not None and asked_bytes >= disk_bytes
    ]
    if not too_large and free and low_disk is not None and free < low_disk:
        return [RetentionProblem("free", "low_disk_first")]
    return too_large


def _age(text: str, problems: list[RetentionProblem]) -> float | None:
    if not text.strip():
        return None
    try:
        return parse_duration(text)
    except ValueError:
        problems.append(RetentionProblem("age", "duration"))
        return None


def _count(text: str, problems: list[RetentionProblem]) -> int | None:
    digits = text.strip()
    if not digits:
        return None
    if not digits.isascii() or not digits.isdigit() or len(digits) > 9:
        problems.append(RetentionProblem("count", "count"))
        return None
    return int(digits)


def _size(where: RetentionField, text: str, problems: list[RetentionProblem]) -> int | None:
    if not text.strip():
        return None
    try:
        return parse_size(text)
    except ValueError:
        problems.append(RetentionProblem(where, "size"))
        return None
