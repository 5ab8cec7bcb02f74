"""How far a sweep is, from its runs alone."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lanherd_protocol.states import Ended, RunState, RunView, is_live

RECENT_ENDS_MAX = 50
"""The rate is that of so many last ends."""

Word = Literal["waiting", "live", "succeeded", "failed", "cancelled", "timed_out", "lost"]
WORDS: tuple[Word, ...] = (
    "waiting",
    "live",
    "succeeded",
    "failed",
    "cancelled",
    "timed_out",
    "lost",
)


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """`counts` are the runs by what they do: `waiting` (being prepared too), `live`, or their
    outcome. `rate_per_s` is how many ended a second lately, and `eta_s` how long the rest takes at
    that rate; None while too little has ended. Times are Unix seconds."""

    name: str
    total: int
    counts: dict[Word, int]
    submitted_at: float
    rate_per_s: float | None = None
    eta_s: float | None = None

    @property
    def ended(self) -> int:
        """How many are over."""
        return self.total - self.counts["waiting"] - self.counts["live"]

    @property
    def succeeded(self) -> bool:
        """Whether all of them have."""
        return self.total > 0 and self.counts["succeeded"] == self.total


def progress_of(name: str, runs: Sequence[RunView], now: float) -> SweepProgress:
    """The progress of a sweep, from its runs: of those that were started again, the last."""
    counts = Counter(word_of(view.state) for view in runs)
    left = counts["waiting"] + counts["live"]
    rate = _rate(runs, now) if left else None
    return SweepProgress(
        name=name,
        total=len(runs),
        counts={word: counts[word] for word in WORDS},
        submitted_at=min((view.submitted_at for view in runs), default=now),
        rate_per_s=rate,
        eta_s=left / rate if rate else None,
    )


def word_of(state: RunState) -> Word:
    """What a run does, as it is counted."""
    if isinstance(state, Ended):
        return state.outcome
    return "live" if is_live(state) else "waiting"


def _rate(runs: Sequence[RunView], now: float) -> float | None:
    """Ends a second of those that ran: what was cancelled before says nothing of the others."""
    ran = [
        (view.state.at, view.state.started_at)
        for view in runs
        if isinstance(view.state, Ended) and view.state.started_at is not None
    ]
    if not ran:
        return None
    last = sorted(ran)[-RECENT_ENDS_MAX:]
    # The first of them took its time too.
    began = min(started for _, started in last)
    took_s = now - began
    return len(last) / took_s if took_s > 0 else None


def waits(view: RunView) -> bool:
    """Whether it holds nothing yet: such runs are stopped first, so that none of them starts in
    the room that another leaves."""
    return not isinstance(view.state, Ended) and not is_live(view.state)
