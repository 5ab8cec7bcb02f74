"""Whether a run can be taken at all: what is refused at submit, and with which words."""

from collections.abc import Sequence

from lanherd_agent.core.environment_checks import check_environment
from lanherd_agent.core.fields import (
    check_command,
    check_life,
    check_settings,
    check_surroundings,
    check_variables,
    invalid,
)
from lanherd_agent.core.request_checks import Capacity, check_possible, check_requests
from lanherd_agent.core.rules import Rules
from lanherd_protocol import limits
from lanherd_protocol.ids import RunId, is_sha256, is_uuid7
from lanherd_protocol.messages import NewRun
from lanherd_protocol.values import RunGroup, RunSpec


def check_runs(runs: Sequence[NewRun], capacity: Capacity | None, rules: Rules) -> None:
    """Raises for the first run that can't be taken; then none of them is. `capacity` None: what the
    machine has isn't known yet."""
    if not 0 < len(runs) <= limits.RUNS_PER_SUBMIT_MAX:
        raise invalid(
            f"A submit takes 1 to {limits.RUNS_PER_SUBMIT_MAX} runs; this one has {len(runs)}.",
            "Send fewer runs at a time.",
            runs=len(runs),
            runs_max=limits.RUNS_PER_SUBMIT_MAX,
        )
    seen: set[RunId] = set()
    for new in runs:
        if new.run in seen:
            raise invalid(
                f"A submit names the same run twice: {new.run[:64]!r}.",
                "Give every run an id of its own.",
                refusal="same_run",
                run=new.run[:64],
            )
        seen.add(new.run)
    for new in runs:
        if not is_uuid7(new.run):
            raise invalid(
                f"{new.run[:64]!r} is no run id.",
                "Run ids are UUIDv7 in lower case.",
                refusal="bad_run_id",
                id=new.run[:64],
            )
        _check_spec(new.spec)
        check_life(new.run, new.spec, rules)
        check_surroundings(new.spec)
        check_settings(new.settings)
        check_requests(new.spec.gpus, new.spec.host)
        if capacity is not None:
            check_possible(new, capacity)


def _check_spec(spec: RunSpec) -> None:
    check_command(spec.command)
    if len(spec.name) > limits.RUN_NAME_CHARS_MAX:
        raise invalid(
            f"The run's name has {len(spec.name)} characters.",
            f"Names have at most {limits.RUN_NAME_CHARS_MAX}.",
            field="name",
            chars=len(spec.name),
            chars_max=limits.RUN_NAME_CHARS_MAX,
        )
    _check_group(spec.group)
    check_variables(spec.variables)
    if spec.snapshot is not None and not is_sha256(spec.snapshot):
        raise invalid(
            "The run's snapshot has no valid id.", "Push the project again.", field="snapshot"
        )
    check_environment(spec.environment, spec.snapshot is not None)


def _check_group(group: RunGroup | None) -> None:
    if group is None:
        return
    if not 0 < len(group.name) <= limits.RUN_NAME_CHARS_MAX or not group.name.isprintable():
        raise invalid(
            "The run's sweep has a name that can't be kept.",
            f"A name is one line of 1 to {limits.RUN_NAME_CHARS_MAX} characters.",
            field="group.name",
            chars_max=limits.RUN_NAME_CHARS_MAX,
        )
    if len(group.key) > limits.GROUP_KEY_CHARS_MAX:
        raise invalid(
            f"The run's key in its sweep has {len(group.key)} characters.",
            f"Keys have at most {limits.GROUP_KEY_CHARS_MAX}.",
            field="group.key",
            chars=len(group.key),
            chars_max=limits.GROUP_KEY_CHARS_MAX,
        )
