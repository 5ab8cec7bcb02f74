"""The JSON that `--json` prints. Programs rely on it: keys are added, never renamed or removed.

Times are Unix seconds, sizes bytes; null means 'not known'. `lanherd machines` prints a list of
`machine_shape`, `gpus` of `gpu_shapes`, `status` of `status_shape` (all in `machine_shapes`),
`runs` of `run_shape`; `run` and `show` print one `run_shape`, and so do `wait`, `stop` and the
other verbs for one run, or a list of them for several (with `{"run": null, "asked", "problem"}` for
one that failed); `attempts` prints a list of `attempt_shape` and, until the run has ended, a
`current_attempt_shape` last; `outputs` `outputs_shape`, `retention` `retention_shape` (a list for
`show`) and `plan_shape`, `rules` `rules_shape` (a list for `show`; of `get` the value, of `check`
a list of `finding_shape`), and `logs` one `{"attempt", "offset", "text"}` a line. `simulated` says
that a GPU isn't a real one. The value of a secret is in none of them.
"""

from msgspec import to_builtins

from lanherd_client.attempts import attempts_of
from lanherd_client.gpu_numbers import gpu_number
from lanherd_client.mirror import MachineView, RunRecord
from lanherd_protocol.errors import Failure
from lanherd_protocol.ids import short_id
from lanherd_protocol.messages import OutputList
from lanherd_protocol.retention_messages import RetentionPlan, RetentionState
from lanherd_protocol.rules_messages import RuleFinding, RulesState
from lanherd_protocol.states import (
    AttemptEnd,
    Ended,
    Preparing,
    Queued,
    Running,
    RunState,
    RunView,
    Stopping,
    lease_of,
    state_name,
)
from lanherd_protocol.values import Lease, LockedEnvironment, Reason, RunSpec

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
Object = dict[str, Json]


def is_simulated(uuid: str) -> bool:
    """Whether the id is that of a GPU that an agent only plays."""
    return uuid.startswith("SIM-")


def run_shape(record: RunRecord, machine_name: str, simulated: bool = False) -> Object:
    """A run; `reason` says why it waits or how it ended, `warning` what is wrong while it runs,
    `simulated` that its machine is."""
    view, spec, state = record.view, record.view.spec, record.view.state
    ended = state if isinstance(state, Ended) else None
    locked = spec.environment if isinstance(spec.environment, LockedEnvironment) else None
    return {
        "run": view.run,
        "short": short_id(view.run),
        "machine": record.machine,
        "machine_name": machine_name,
        "name": spec.name,
        "project": spec.project,
        "command": list(spec.command),
        "variables": dict(spec.variables),
        "owner": view.owner,
        "state": state_name(state),
        "outcome": ended.outcome if ended else None,
        "reason": _reason_shape(state),
        "warning": warning_shape(state),
        "submitted_at": view.submitted_at,
        "started_at": started_at(state),
        "ended_at": ended.at if ended else None,
        "exit_code": ended.exit_code if ended else None,
        "signal": ended.signal if ended else None,
        "pid": state.pid if isinstance(state, Running | Stopping) else None,
        "attempt": view.attempt,
        "gpus_requested": spec.gpus.count,
        "vram_requested_bytes": spec.gpus.vram_bytes,
        "exclusive": spec.gpus.exclusive,
        **_placing(spec),
        "simulated": simulated or any(is_simulated(gpu.uuid) for gpu in lease_of(state).gpus),
        "gpus": [
            {
                "index": gpu.index,
                "uuid": gpu.uuid,
                "vram_bytes": gpu.vram_bytes,
                "exclusive": gpu.exclusive,
                "instance": gpu.instance,
            }
            for gpu in lease_of(state).gpus
        ],
        "snapshot": spec.snapshot,
        "environment_lock": locked.lock_path if locked else None,
        "environment": to_builtins(spec.environment),
        **_wishes(spec),
        "priority": view.settings.priority,
        "held": view.settings.held,
        "tags": list(view.settings.tags),
        "notes": view.settings.notes,
        "pinned": view.settings.pinned,
        "attempts": [*map(attempt_shape, attempts_of(view))],
        "not_before": state.not_before if isinstance(state, Queued) else None,
        "preparing": state.step if isinstance(state, Preparing) else None,
        "preparing_detail": state.detail if isinstance(state, Preparing) else None,
        "limit_at": state.limit_at if isinstance(state, Running) else None,
        "kill_at": state.kill_at if isinstance(state, Stopping) else None,
        "stopping_as": state.outcome if isinstance(state, Stopping) else None,
        "files_removed_at": view.files_removed_at,
    }


def _placing(spec: RunSpec) -> Object:
    """What was asked of GPUs and machine beside their number."""
    gpus, host = spec.gpus, spec.host
    return {
        "gpus_max": max(gpus.count, gpus.count_max),
        "where": gpus.where or None,
        "linked": gpus.linked,
        "mig": gpus.mig or None,
        "shared": gpus.shared,
        "beside_others": gpus.beside,
        "cpus": host.cpu_cores,
        "memory_requested_bytes": host.memory_bytes,
        "disk_requested_bytes": host.disk_bytes,
    }


def _wishes(spec: RunSpec) -> Object:
    """What was asked of the life of the run."""
    retry = spec.retry
    return {
        "time_limit_s": spec.time_limit_s,
        "stop_signal": spec.stop.signal,
        "stop_grace_s": spec.stop.grace_s,
        "retry": {
            "attempts_max": retry.attempts_max,
            "on": list(retry.on),
            "exit_codes": list(retry.exit_codes),
            "signals": list(retry.signals),
            "backoff_s": retry.backoff_s,
            "backoff_factor": retry.backoff_factor,
            "backoff_s_max": retry.backoff_s_max,
            "jitter": retry.jitter,
        },
        "dependencies": [{"run": d.run, "kind": d.kind} for d in spec.dependencies],
        "directory": spec.directory,
        "niceness": spec.niceness,
        "pre_command": list(spec.pre_command),
        "post_command": list(spec.post_command),
        "split_log": spec.log.split,
        "log_cap_bytes": spec.log.bytes_max,
        "secrets": list(spec.secrets),
        "restart_of": spec.restart_of,
        "sweep": spec.group.name if spec.group is not None else None,
    }


def attempt_shape(end: AttemptEnd) -> Object:
    """How an attempt ended."""
    return {
        "attempt": end.attempt,
        "state": "ended",
        "outcome": end.outcome,
        "reason": full_reason_shape(end.reason),
        "started_at": end.started_at,
        "ended_at": end.at,
        "exit_code": end.exit_code,
        "signal": end.signal,
        **_held(end.lease),
    }


def current_attempt_shape(view: RunView) -> Object:
    """The attempt that waits or is under way, in the shape of one that ended."""
    return {
        "attempt": view.attempt,
        "state": state_name(view.state),
        "outcome": None,
        "reason": _reason_shape(view.state),
        "started_at": started_at(view.state),
        "ended_at": None,
        "exit_code": None,
        "signal": None,
        **_held(lease_of(view.state)),
    }


def _held(lease: Lease) -> Object:
    """The GPUs of an attempt, by nvidia-smi's numbers, and so that MIG instances are told apart."""
    return {
        "gpus": [gpu.index for gpu in lease.gpus],
        "gpu_numbers": [gpu_number(gpu.index, gpu.instance) for gpu in lease.gpus],
        "gpu_uuids": [gpu.uuid for gpu in lease.gpus],
    }


def reason_of(state: RunState) -> Reason | None:
    """Why a run waits, or how it ended."""
    return state.reason if isinstance(state, Queued | Ended) else None


def started_at(state: RunState) -> float | None:
    """When the command was started, in Unix seconds."""
    match state:
        case Running():
            return state.since
        case Stopping() | Ended():
            return state.started_at
        case _:
            return None


def warning_shape(state: RunState) -> Object | None:
    warning = state.warning if isinstance(state, Running) else None
    return None if warning is None else full_reason_shape(warning)


def _reason_shape(state: RunState) -> Object | None:
    reason = reason_of(state)
    return None if reason is None else full_reason_shape(reason)


def full_reason_shape(reason: Reason) -> Object:
    """A reason with its evidence."""
    return {
        "code": reason.code,
        "text": reason.text,
        "remedy": reason.remedy,
        "data": dict(reason.data),
    }


def outputs_shape(run: str, listing: OutputList) -> Object:
    """What an attempt left."""
    return {
        "run": run,
        "attempt": listing.attempt,
        "truncated": listing.truncated,
        "unlisted": listing.unlisted,
        "outputs": [
            {
                "path": entry.path,
                "kind": entry.kind,
                "size_bytes": entry.size_bytes,
                "modified_at": entry.modified_at,
            }
            for entry in listing.entries
        ],
    }


def retention_shape(view: MachineView, state: RetentionState) -> Object:
    """What a machine keeps of ended runs, and what they hold on its disk."""
    rules = state.rules
    return {
        "machine": view.machine,
        "machine_name": view.name,
        "rules": [
            {
                "project": rule.project,
                "age_s_max": rule.age_s_max,
                "runs_max": rule.runs_max,
                "bytes_max": rule.bytes_max,
            }
            for rule in rules.rules
        ],
        "free_bytes_min": rules.free_bytes_min,
        "low_disk_bytes": rules.low_disk_bytes,
        "size_bytes": state.size_bytes,
        "runs": state.runs,
        "free_bytes": state.free_bytes,
    }


def plan_shape(view: MachineView, plan: RetentionPlan) -> Object:
    """The runs whose files would go, or went."""
    return {
        "machine": view.machine,
        "machine_name": view.name,
        "removals": [
            {
                "run": removal.run,
                "size_bytes": removal.size_bytes,
                "reason": full_reason_shape(removal.reason),
            }
            for removal in plan.removals
        ],
        "size_bytes": plan.size_bytes,
        "runs": plan.runs,
        "truncated": plan.truncated,
    }


def rules_shape(view: MachineView, state: RulesState) -> Object:
    """The rules of a machine that hold, their file, and why it is kept out if it is."""
    return {
        "machine": view.machine,
        "machine_name": view.name,
        "rules": to_builtins(state.rules),
        "in_force_since": state.in_force_since,
        "text": state.text,
        "text_hash": state.text_hash,
        "findings": [*map(finding_shape, state.findings)],
        "last_good": state.last_good,
    }


def finding_shape(finding: RuleFinding) -> Object:
    """What is wrong in a rules file, and where."""
    return {
        "line": finding.line,
        "key": finding.key,
        "code": finding.code,
        "text": finding.text,
        "remedy": finding.remedy,
        "data": dict(finding.data),
    }


def failure_shape(failure: Failure | None) -> Object | None:
    """What happened, why, and what to do next."""
    if failure is None:
        return None
    return {
        "code": failure.code.value,
        "title": failure.title,
        "message": failure.message,
        "remedy": failure.remedy,
    }
