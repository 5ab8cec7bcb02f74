"""Named places where this process can be made to die, to learn what a death there would cost.

`LANHERD_FAIL_POINTS="shell.committed@3,executor.started"` arms two: the process is killed the third
time that it passes the first, or the first time that it passes the second. Used as

    if ARMED:
        hit("shell.committed")

so that without the variable a place costs one look at an empty set.
"""

import os
import signal
from collections.abc import Mapping

VARIABLE = "LANHERD_FAIL_POINTS"


def parse(text: str) -> dict[str, int]:
    """At which passage each named point kills. Raises ValueError for a count that is none."""
    points: dict[str, int] = {}
    for word in filter(None, (part.strip() for part in text.split(","))):
        name, at, count = word.partition("@")
        points[name] = int(count) if count.isdecimal() else int(not at)
        if not name or points[name] < 1:
            raise ValueError(f"{VARIABLE}: {word!r} is no name, or no count from 1 on")
    return points


class FailPoints:
    """What is armed, and how often each point may still be passed."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._left = parse(variables.get(VARIABLE, ""))

    @property
    def armed(self) -> frozenset[str]:
        return frozenset(self._left)

    def hit(self, name: str) -> None:
        """Nothing more happens in this process if it was this point's time."""
        left = self._left.get(name)
        if left is None:
            return
        self._left[name] = left - 1
        if left == 1:
            os.write(2, f"killed at the fail point {name}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)


_points = FailPoints(os.environ)
ARMED = _points.armed
hit = _points.hit
