"""Grids: every combination of the values of some axes.

An axis is written `lr=1e-3,1e-4` or `seed=0..9`: values as they are to be, and ranges with both of
their ends, `0..10..2` with a step, without which both ends are whole numbers. Values with commas
are put into double quotes.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import product
from math import prod

from lanherd_client.sweeps.findings import Finding, refusal
from lanherd_client.sweeps.table import Column, Row, Table
from lanherd_protocol.limits import RUNS_PER_SUBMIT_MAX

_NUMBER = r"-?\d+(?:\.\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?:\.\.({_NUMBER}))?", re.ASCII)
_NEARLY = re.compile(rf"{_NUMBER}\.\.", re.ASCII)


def grid(**axes: Iterable[object]) -> list[dict[str, object]]:
    """The rows of a grid for a script: `grid(lr=["1e-3", "1e-4"], seed=range(10))`; the last axis
    turns fastest."""
    values = [list(of_axis) for of_axis in axes.values()]
    return [dict(zip(axes, row, strict=True)) for row in product(*values)]


def grid_table(texts: Sequence[str]) -> Table:
    """The table of axes as they are written. Raises `INVALID_REQUEST` that names all that can't be
    read, and for more combinations than one sweep takes."""
    axes: dict[str, tuple[str, ...]] = {}
    findings: list[Finding] = []
    for text in texts:
        try:
            name, values = parse_axis(text)
        except ValueError as problem:
            findings.append(Finding(text, str(problem)))
            continue
        if name.casefold() in map(str.casefold, axes):
            findings.append(Finding(text, f"the axis {name!r} is given twice."))
        axes[name] = values
    if findings:
        raise refusal("The grid can't be read.", findings, "Mend it. Nothing was sent.")
    size = prod(map(len, axes.values()))
    if size > RUNS_PER_SUBMIT_MAX:
        lengths = " × ".join(str(len(values)) for values in axes.values())
        raise refusal(
            "The grid is too large.",
            [Finding("", f"It has {lengths} = {size} combinations.")],
            f"One sweep takes {RUNS_PER_SUBMIT_MAX} runs: split it into several.",
        )
    rows = (
        Row(", ".join(f"{name}={value}" for name, value in zip(axes, row, strict=True)), row, at)
        for at, row in enumerate(product(*axes.values()))
    )
    columns = tuple(Column(name, at=at) for at, name in enumerate(axes))
    return Table(columns, tuple(rows), "the grid")


def parse_axis(text: str) -> tuple[str, tuple[str, ...]]:
    """The name and the values of an axis. Raises ValueError with a sentence for people."""
    name, sign, written = text.partition("=")
    if not sign or not name.strip():
        raise ValueError("it is no axis. Write NAME=VALUE,… or NAME=FIRST..LAST.")
    try:
        (values,) = csv.reader([written], strict=True)
    except (csv.Error, ValueError) as problem:
        raise ValueError("its quotes don't match, or it holds a line break.") from problem
    if not any(values):
        raise ValueError("it has no values.")
    if not all(values):
        raise ValueError("one of its values is empty.")
    every = [one for value in values for one in _values(value)]
    if len(set(every)) < len(every):
        repeated = next(value for value, times in Counter(every).items() if times > 1)
        raise ValueError(f"it has the value {repeated!r} twice.")
    return name.strip(), tuple(every)


def _values(text: str) -> list[str]:
    found = _RANGE.fullmatch(text)
    if found is None:
        if _NEARLY.match(text):
            raise ValueError(f"{text!r} is no range. Write 0..9, or 0..10..2 with a step.")
        return [text]
    first, last = Decimal(found[1]), Decimal(found[2])
    if not found[3] and not (_is_whole(first) and _is_whole(last)):
        raise ValueError(
            f"{text!r} has no step, and isn't between whole numbers. Write such as"
            f" {found[1]}..{found[2]}..{_finest(first, last):f}, or its values with commas."
        )
    step = Decimal(found[3]) if found[3] else Decimal(1 if last >= first else -1)
    if step == 0 or (last - first) * step < 0:
        raise ValueError(f"{text!r} has a step that never gets from {first} to {last}.")
    count = int((last - first) / step) + 1
    if count > RUNS_PER_SUBMIT_MAX:
        raise ValueError(f"{text!r} has {count} values; a sweep takes {RUNS_PER_SUBMIT_MAX} runs.")
    return [f"{first + step * number:f}" for number in range(count)]


def _is_whole(number: Decimal) -> bool:
    return number == number.to_integral_value()


def _finest(first: Decimal, last: Decimal) -> Decimal:
    """A step for an example: one of the last decimal place that was written."""
    places = max(-int(one.as_tuple().exponent) for one in (first, last))
    return Decimal(1 if last >= first else -1).scaleb(-places)
