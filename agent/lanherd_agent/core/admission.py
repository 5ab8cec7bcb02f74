"""Whether a run can be taken at all: what is refused at submit, and with which words."""

from collections.abc import Sequence

from lanherd_agent.core.events import GpuCapacity
from lanherd_agent.core.fields import (
    check_command,
    check_life,
    check_settings,
    check_surroundings,
    check_variables,
    invalid,
)
from lanherd_agent.core.reasons import gb, plural
from lanherd_agent.core.rules import Rules
from lanherd_protocol import limits
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.ids import is_sha256, is_uuid7
from lanherd_protocol.messages import NewRun
from lanherd_protocol.values import GpuRequest, LockedEnvironment, RunSpec


def check_runs(runs: Sequence[NewRun], gpus: Sequence[GpuCapacity] | None, rules: Rules) -> None:
    """Raises for the first run that can't be taken; then none of them is."""
    if not 0 < len(runs) <= limits.RUNS_PER_SUBMIT_MAX:
        raise invalid(
            f"A submit takes 1 to {limits.RUNS_PER_SUBMIT_MAX} runs; this one has {len(runs)}.",
            "Send fewer runs at a time.",
            runs=len(runs),
        )
    if len({new.run for new in runs}) != len(runs):
        raise invalid("A submit names the same run twice.", "Give every run an id of its own.")
    for new in runs:
        if not is_uuid7(new.run):
            raise invalid(f"{new.run[:64]!r} is no run id.", "Run ids are UUIDv7 in lower case.")
        _check_spec(new.spec)
        check_life(new.run, new.spec, rules)
        check_surroundings(new.spec)
        check_settings(new.settings)
        _check_gpus(new, gpus)


def _check_spec(spec: RunSpec) -> None:
    check_command(spec.command)
    if len(spec.name) > limits.RUN_NAME_CHARS_MAX:
        raise invalid(
            f"The run's name has {len(spec.name)} characters.",
            f"Names have at most {limits.RUN_NAME_CHARS_MAX}.",
        )
    check_variables(spec.variables)
    if spec.snapshot is not None and not is_sha256(spec.snapshot):
        raise invalid("The run's snapshot has no valid id.", "Push the project again.")
    if isinstance(spec.environment, LockedEnvironment) and spec.snapshot is None:
        raise invalid(
            "The run wants an environment from a lock, but has no snapshot that holds the lock.",
            "Submit it with its project.",
        )


def _check_gpus(new: NewRun, gpus: Sequence[GpuCapacity] | None) -> None:
    request = new.spec.gpus
    if not 0 <= request.count <= limits.GPUS_PER_RUN_MAX or request.vram_bytes < 0:
        raise invalid(
            f"A run can't ask for {request.count} GPUs with {request.vram_bytes} bytes each.",
            f"Ask for 0 to {limits.GPUS_PER_RUN_MAX} GPUs, and not for negative sizes.",
        )
    if request.count == 0:
        if request.vram_bytes or request.exclusive:
            raise invalid("The run asks for VRAM, but for no GPU.", "Ask for at least one GPU.")
        return
    if gpus is not None:
        _check_possible(new, request, gpus)


def _check_possible(new: NewRun, request: GpuRequest, gpus: Sequence[GpuCapacity]) -> None:
    suited = sum(gpu.total_bytes >= request.vram_bytes for gpu in gpus)
    if suited >= request.count:
        return
    each = f" with {gb(request.vram_bytes)} GB" if request.vram_bytes else ""
    each += " each" if each and request.count > 1 else ""
    subject = f"Run {new.spec.name}" if new.spec.name else "It"
    raise error(
        ErrorCode.IMPOSSIBLE_REQUEST,
        "This request can never be met here.",
        f"{subject} asks for {plural(request.count, 'GPU', 'GPUs')}{each}; "
        f"the machine has {_inventory(gpus)}.",
        "Ask for less, or choose another machine.",
        run=new.run,
        needs_gpus=request.count,
        needs_bytes=request.vram_bytes,
        gpus=len(gpus),
        largest_bytes=max((gpu.total_bytes for gpu in gpus), default=0),
    )


def _inventory(gpus: Sequence[GpuCapacity]) -> str:
    sizes: dict[str, int] = {}
    for gpu in gpus:
        size = gb(gpu.total_bytes)
        sizes[size] = sizes.get(size, 0) + 1
    kinds = (f"{plural(count, 'GPU', 'GPUs')} of {size} GB" for size, count in sizes.items())
    return " and ".join(kinds) or "no GPU"
