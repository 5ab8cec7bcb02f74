"""The answer to a submit: each run as it was taken, the same however often it is asked for.

It is made from what never changes of a run (its spec, its owner, its settings as submitted), so
that the same submit has the same answer also when the run is long over.
"""

from lanherd_agent.core.run_states import Run, RunRecord
from lanherd_agent.core.waiting import why_waits
from lanherd_protocol.states import Queued, RunView


def taken(run: Run | RunRecord) -> RunView:
    """The run as it was when this machine took it."""
    reason = why_waits(run.first_settings, run.spec, waits_for=run.spec.dependencies)
    return RunView(
        run=run.run,
        spec=run.spec,
        owner=run.owner,
        submitted_at=run.submitted_at,
        state=Queued(since=run.submitted_at, reason=reason),
        seq=0,
        settings=run.first_settings,
    )
