"""What `cordon`, `queue` and `why` print as JSON."""

from lanherd_client.cli.machine_shapes import pause_shape
from lanherd_client.cli.shapes import Object, full_reason_shape, reason_of, warning_shape
from lanherd_client.mirror import MachineView
from lanherd_protocol.machine_messages import CordonView, MachineControls, QueueListed
from lanherd_protocol.states import Queued, RunView, state_name


def controls_shape(view: MachineView, controls: MachineControls) -> Object:
    return {
        "machine": view.machine,
        "machine_name": view.name,
        "cordons": [_cordon_shape(cordon) for cordon in controls.cordons],
        "pauses": [pause_shape(pause) for pause in controls.pauses],
    }


def _cordon_shape(cordon: CordonView) -> Object:
    return {
        "gpu": cordon.gpu,
        "index": cordon.index,
        "instance": cordon.instance,
        "since": cordon.since,
        "by": cordon.by,
        "heals": cordon.heals,
        "reason": full_reason_shape(cordon.reason),
    }


def queue_shape(view: MachineView, listed: QueueListed) -> Object:
    return {
        "machine": view.machine,
        "machine_name": view.name,
        "waiting": listed.total,
        "pauses": [pause_shape(pause) for pause in listed.pauses],
        "runs": [_waiting_shape(run) for run in listed.runs],
    }


def _waiting_shape(run: RunView) -> Object:
    state = run.state
    return {
        "run": run.run,
        "name": run.spec.name,
        "owner": run.owner,
        "state": state_name(state),
        "priority": run.settings.priority,
        "held": run.settings.held,
        "submitted_at": run.submitted_at,
        "not_before": state.not_before if isinstance(state, Queued) else None,
        "reason": full_reason_shape(state.reason) if isinstance(state, Queued) else None,
    }


def why_shape(view: MachineView, run: RunView) -> Object:
    state = run.state
    reason = reason_of(state)
    return {
        "run": run.run,
        "name": run.spec.name,
        "machine": view.machine,
        "machine_name": view.name,
        "state": state_name(state),
        "reason": None if reason is None else full_reason_shape(reason),
        "warning": warning_shape(state),
    }
