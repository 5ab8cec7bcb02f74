"""A WARNING or worse in the log fails the test that caused it.

A test that provokes one says which, and why, with
`@pytest.mark.expects_logs("pattern", ..., reason="...")`. An expected record that doesn't come
fails too, so that the marks stay true.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


class _Keeper(logging.Handler):
    def __init__(self) -> None:
        super().__init__(level=logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def check_logs(item: pytest.Item) -> Iterator[None]:
    """Fail when the block logs a problem that `item` doesn't expect, or not what it expects."""
    expected = expected_patterns(item)
    keeper = _Keeper()
    root = logging.getLogger()
    root.addHandler(keeper)
    try:
        yield
    finally:
        root.removeHandler(keeper)
    problem = judge(keeper.records, expected)
    if problem:
        pytest.fail(problem, pytrace=False)


def expected_patterns(item: pytest.Item) -> list[str]:
    patterns: list[str] = []
    for mark in item.iter_markers("expects_logs"):
        if not mark.kwargs.get("reason") or not mark.args:
            pytest.fail("expects_logs needs patterns and a reason", pytrace=False)
        patterns += mark.args
    return patterns


def judge(records: list[logging.LogRecord], expected: list[str]) -> str:
    """What is wrong with the records, or nothing."""
    lines = [f"{r.levelname} {r.name}: {r.getMessage()}" for r in records]
    surprises = [line for line in lines if not any(re.search(p, line) for p in expected)]
    if surprises:
        return "\n".join(
            [
                "The test logged a problem. Mend the cause. If the problem is its subject,",
                'say so: @pytest.mark.expects_logs("pattern", reason="why").',
                *surprises,
            ]
        )
    absent = [p for p in expected if not any(re.search(p, line) for line in lines)]
    if absent:
        return f"expects_logs: nothing that matches {absent} was logged; remove the mark"
    return ""
