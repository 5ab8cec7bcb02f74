"""The answer to a submit: each run as it was taken, the same however often it is asked for.

It is made from what never changes of a run (its spec, its owner, its settings as submitted), so
that the same submit has the same answer also when the run is long over.
"""

from lanherd_agent.core import reasons
from lanherd_agent.core.run_states import Run, RunRecord, needs_preparation
from lanherd_protocol.states import Queued, RunView
from lanherd_protocol.values import Reason


def taken(run: Run | RunRecord) -> RunView:
    """The run as it was when this machine took it."""
    return RunView(
        run=run.run,
        spec=run.spec,
        owner=run.owner,
        submitted_at=run.submitted_at,
        state=Queued(since=run.submitted_at, reason=_first_reason(run)),
        seq=0,
        settings=run.first_settings,
    )


def _first_reason(run: Run | RunRecord) -> Reason:
    if run.first_settings.held:
        return reasons.HELD
    if run.spec.dependencies:
        return reasons.waits_for(run.spec.dependencies)
    return reasons.UNPREPARED if needs_preparation(run.spec) else reasons.IN_LINE
