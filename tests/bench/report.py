"""What a benchmark says: a JSON line for each metric, or a table for people.

A metric's bar is the least or the most that its value may be; one without a bar only informs. The
reference is what the same machine did for somebody else, in the same run where that can be had.
"""

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One number that was measured."""

    name: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    reference: str = ""

    @property
    def bar(self) -> str | None:
        if self.at_most is not None:
            return f"<= {self.at_most:g}"
        if self.at_least is not None:
            return f">= {self.at_least:g}"
        return None

    @property
    def ok(self) -> bool:
        if self.at_most is not None:
            return self.value <= self.at_most
        return self.at_least is None or self.value >= self.at_least

    def as_json(self) -> str:
        return json.dumps(
            {
                "metric": self.name,
                "value": round(self.value, 4),
                "unit": self.unit,
                "bar": self.bar,
                "ok": self.ok,
                "reference": self.reference or None,
            }
        )


class Report:
    """Gathers metrics; data goes to stdout, talk to stderr."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._metrics: list[Metric] = []

    def add(self, metric: Metric) -> None:
        self._metrics.append(metric)
        if self._as_json:
            print(metric.as_json(), flush=True)

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def finish(self, *, only_said: frozenset[str] = frozenset()) -> int:
        """Prints the table where one is wanted; the exit status of the benchmark. A bar of
        `only_said` is told as met or missed, and fails nothing: a time on a shared machine."""
        if not self._as_json:
            print(table(self._metrics))
        judged = (metric for metric in self._metrics if metric.name not in only_said)
        return 0 if all(metric.ok for metric in judged) else 1


def table(metrics: Sequence[Metric]) -> str:
    """Columns as wide as they must be."""
    rows = [("metric", "value", "unit", "bar", "", "reference")]
    for metric in metrics:
        verdict = "" if metric.bar is None else "ok" if metric.ok else "missed"
        value = f"{metric.value:.2f}"
        rows.append((metric.name, value, metric.unit, metric.bar or "", verdict, metric.reference))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that this share of the values doesn't exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(math.ceil(percent / 100 * len(ordered)) - 1, 0)]
