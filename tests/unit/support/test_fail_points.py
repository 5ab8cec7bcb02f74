"""Fail points: armed by the environment, counted, and deadly only at their time."""

import os
import signal
import subprocess
import sys

import pytest

from lanherd_agent import fail_points
from lanherd_agent.fail_points import VARIABLE, FailPoints, parse

PASS_THREE_TIMES = """
from lanherd_agent.fail_points import ARMED, hit
for number in range(3):
    print(number, flush=True)
    if ARMED:
        hit("shell.committed")
"""


def passed(armed: str) -> tuple[int, list[str]]:
    """How a process ended that passes a point three times, and which passages it began."""
    done = subprocess.run(
        [sys.executable, "-c", PASS_THREE_TIMES],
        env=os.environ | {VARIABLE: armed},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.split()


def test_a_point_kills_at_its_passage() -> None:
    assert passed("shell.committed") == (-signal.SIGKILL, ["0"])
    assert passed("shell.settled, shell.committed@3") == (-signal.SIGKILL, ["0", "1", "2"])
    assert passed("shell.committed@4") == (0, ["0", "1", "2"])


def test_nothing_is_armed_unless_set() -> None:
    assert not FailPoints({}).armed
    assert not FailPoints({VARIABLE: " , "}).armed
    assert not fail_points.ARMED


def test_what_is_armed() -> None:
    assert FailPoints({VARIABLE: "a@2,b"}).armed == {"a", "b"}
    assert parse("a@2, b") == {"a": 2, "b": 1}
    for wrong in ("a@0", "@2", "a@x"):
        with pytest.raises(ValueError, match=wrong):
            parse(wrong)
