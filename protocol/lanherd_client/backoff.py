"""How long to wait before the next try."""

from collections.abc import Callable

FIRST_S = 0.2
LONGEST_S = 10.0


class Backoff:
    """Doubles from `FIRST_S` to `LONGEST_S`; the jitter keeps many controllers from asking at once.

    `random` gives numbers from 0 up to 1.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._tries = 0

    def next_s(self) -> float:
        """Seconds to wait now: between half of the step and all of it."""
        step_s: float = min(FIRST_S * 2.0 ** min(self._tries, 16), LONGEST_S)
        self._tries += 1
        return step_s * (0.5 + self._random() / 2)

    def reset(self) -> None:
        """The other side has answered: the next wait is a short one."""
        self._tries = 0
