"""The attempts of a run that are over, each told in the same way."""

from lanherd_protocol.states import AttemptEnd, Ended, RunView


def attempts_of(view: RunView) -> tuple[AttemptEnd, ...]:
    """How the run's attempts ended, oldest first; the one that is under way is not among them."""
    state = view.state
    if not isinstance(state, Ended):
        return view.earlier
    last = AttemptEnd(
        attempt=view.attempt,
        at=state.at,
        outcome=state.outcome,
        reason=state.reason,
        started_at=state.started_at,
        exit_code=state.exit_code,
        signal=state.signal,
        lease=state.lease,
    )
    return (*view.earlier, last)
