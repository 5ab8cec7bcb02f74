"""What is wrong with the machine now, for those who look at it: told until it is cleared."""

from lanherd_protocol.values import Reason

PROBLEMS_MAX = 32
"""Beyond it the oldest are told no more, so that a sample of the machine stays small."""


class Problems:
    """Reasons by code and key: what is put again takes the place of what was said before."""

    def __init__(self) -> None:
        self._reasons: dict[tuple[str, str], Reason] = {}

    def put(self, reason: Reason, key: str = "") -> None:
        """Say it from now on. `key` tells problems of one kind apart: a run's id, say."""
        self._reasons.pop((reason.code, key), None)
        self._reasons[reason.code, key] = reason
        while len(self._reasons) > PROBLEMS_MAX:
            del self._reasons[next(iter(self._reasons))]

    def clear(self, code: str, key: str = "") -> None:
        """Say it no more, if it was said."""
        self._reasons.pop((code, key), None)

    def all(self) -> tuple[Reason, ...]:
        """The problems, oldest first."""
        return tuple(self._reasons.values())
