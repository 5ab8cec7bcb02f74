"""What a run waits to happen at a known time: its limit, its next attempt, its kill."""

from dataclasses import dataclass
from typing import Literal

from lanherd_protocol.states import Queued, Running, RunView, Stopping

CountdownKind = Literal["limit", "retry", "kill"]


@dataclass(frozen=True, slots=True)
class Countdown:
    """`seconds` are left, never less than none."""

    kind: CountdownKind
    seconds: float


def countdown(view: RunView, now: float) -> Countdown | None:
    """None where nothing is known to come."""
    match view.state:
        case Running(limit_at=float(at)):
            kind: CountdownKind = "limit"
        case Queued(not_before=float(at)) if not view.settings.held:
            kind = "retry"
        case Stopping(kill_at=at):
            kind = "kill"
        case _:
            return None
    return Countdown(kind, max(0.0, at - now))
