"""The attempts of a run as the window lists them, the newest first."""

from dataclasses import dataclass, field

from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.runs import chip_kind, outcome_chip, run_reason, run_times
from lanherd_protocol.states import Ended, RunView, is_live, lease_of
from lanherd_protocol.values import Lease, Reason


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """One execution of a run. Times are Unix seconds; None where there is none."""

    number: int
    kind: ChipKind
    reason: Reason | None
    started_at: float | None
    ended_at: float | None
    exit_code: int | None = None
    signal: int | None = None
    lease: Lease = field(default_factory=Lease)

    @property
    def has_log(self) -> bool:
        """Whether it ever began to print."""
        return self.started_at is not None

    def seconds(self, now: float) -> float | None:
        """How long it ran, or has run; None when it never started."""
        if self.started_at is None:
            return None
        return max(0.0, (now if self.ended_at is None else self.ended_at) - self.started_at)


def attempts(view: RunView) -> tuple[AttemptRow, ...]:
    """All attempts of a run; the first is the latest, which may not have begun."""
    started_at, ended_at = run_times(view)
    state = view.state
    latest = AttemptRow(
        number=view.attempt,
        kind=chip_kind(view),
        reason=run_reason(view),
        started_at=started_at,
        ended_at=ended_at,
        exit_code=state.exit_code if isinstance(state, Ended) else None,
        signal=state.signal if isinstance(state, Ended) else None,
        lease=lease_of(state),
    )
    before = (
        AttemptRow(
            number=end.attempt,
            kind=outcome_chip(end.outcome),
            reason=end.reason,
            started_at=end.started_at,
            ended_at=end.at,
            exit_code=end.exit_code,
            signal=end.signal,
            lease=end.lease,
        )
        for end in view.earlier
    )
    return (latest, *sorted(before, key=lambda row: row.number, reverse=True))


def attempt_to_show(view: RunView) -> int:
    """The attempt that is looked at first: the latest that has begun, else the latest."""
    if is_live(view.state):
        return view.attempt
    return next((row.number for row in attempts(view) if row.has_log), view.attempt)


def attempt_row(view: RunView, number: int) -> AttemptRow | None:
    return next((row for row in attempts(view) if row.number == number), None)
