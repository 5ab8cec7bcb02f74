"""`lanherd show` and `attempts`: all that is known of one run."""

import shlex
from collections.abc import Iterator, Sequence

import click

from lanherd_client.attempts import attempts_of
from lanherd_client.cli import shapes, talk, words
from lanherd_client.cli.bulk import shape_of
from lanherd_client.cli.options import json_option, run_argument
from lanherd_client.cli.session import answered, complete, connected, now
from lanherd_client.cli.shapes import is_simulated
from lanherd_client.durations import format_duration
from lanherd_client.environment_orders import described
from lanherd_client.gpu_numbers import gpu_number, leased_numbers
from lanherd_client.listing import dependants_of
from lanherd_client.mirror import RunRecord
from lanherd_client.sizes import format_size
from lanherd_protocol.ids import short_id
from lanherd_protocol.states import (
    AttemptEnd,
    Ended,
    Preparing,
    Queued,
    Running,
    RunView,
    Stopping,
    lease_of,
)
from lanherd_protocol.values import Dependency, RetryRule, RunSpec

Field = tuple[str, str]

_ATTEMPT_COLUMNS = (
    talk.Column("ATTEMPT", right=True),
    talk.Column("OUTCOME"),
    talk.Column("ENDED", whole=True),
    talk.Column("TIME", right=True),
    talk.Column("EXIT", right=True),
    talk.Column("GPUS"),
    talk.Column("WHY"),
)
_WAITS = {
    "after": "the start of",
    "after_ok": "the success of",
    "after_any": "the end of",
}


@click.command("show")
@run_argument
@json_option
@click.pass_context
def show_command(context: click.Context, run: str, as_json: bool) -> None:
    """Show one run.

    That is its state and why, its attempts and limits, what it waits for, and what waits for it.
    """
    complete(_show(context, run, as_json))


async def _show(context: click.Context, text: str, as_json: bool) -> None:
    async with connected(context) as fleet:
        run = await answered(fleet.run(text))
        record = RunRecord(run.machine, await answered(run.refresh()))
        waiting = await answered(dependants_of(fleet, record))
        if as_json:
            shape = shape_of(fleet, record)
            shape["waited_for_by"] = [{"run": view.run, "kind": kind} for view, kind in waiting]
            talk.put_json(shape)
        else:
            machine = fleet.machine(run.machine)
            simulated = machine is not None and machine.simulated
            put_run(record, run.machine_name, simulated, waiting)


def put_run(
    record: RunRecord,
    machine_name: str,
    simulated: bool = False,
    waited_for_by: Sequence[tuple[RunView, str]] = (),
) -> None:
    """A run for people, a field a line."""
    view = record.view
    machine = f"{machine_name} (simulated GPUs)" if simulated else machine_name
    fields: list[Field] = [
        ("run", view.run),
        ("name", view.spec.name),
        *_state_fields(view),
        ("machine", machine),
        *_spec_fields(view.spec),
        *_gpu_fields(view, simulated),
        *_life_fields(view),
        *_settings_fields(view),
        *_waiting_fields(view.spec.dependencies, waited_for_by),
        ("sweep", view.spec.group.name if view.spec.group is not None else ""),
        ("restart of", short_id(view.spec.restart_of) if view.spec.restart_of else ""),
        ("owner", view.owner),
        ("submitted", words.moment(view.submitted_at)),
        *_files_fields(view),
    ]
    talk.put_fields(fields)


def _state_fields(view: RunView) -> Iterator[Field]:
    state = view.state
    reason = shapes.reason_of(state)
    yield "state", words.state_word(state)
    if reason is not None:
        yield "why", reason.text
        yield "next", reason.remedy
    if isinstance(state, Preparing):
        yield "doing", ": ".join(part for part in (words.preparing(state), state.detail) if part)
    yield "ran for", words.run_time(view, now())
    if isinstance(state, Ended):
        yield "exit code", "" if state.exit_code is None else str(state.exit_code)
        yield "signal", "" if state.signal is None else words.signal_name(state.signal)
    if isinstance(state, Queued) and state.not_before is not None:
        yield "tried again at", words.moment(state.not_before)
    if isinstance(state, Running) and state.warning is not None:
        yield "warning", state.warning.text
    if isinstance(state, Running | Ended) and state.vram_peak_bytes:
        yield "VRAM at most", format_size(state.vram_peak_bytes)
    if isinstance(state, Running) and state.limit_at is not None:
        yield "time is over at", words.moment(state.limit_at)
    if isinstance(state, Stopping):
        yield "ends as", state.outcome.replace("_", " ")
        yield "killed at", words.moment(state.kill_at)
    most = view.spec.retry.attempts_max
    waits = isinstance(state, Queued | Preparing)
    never = waits or (isinstance(state, Ended) and state.started_at is None)
    attempt = f"{view.attempt} of {most}" if most > 1 else str(view.attempt)
    yield "attempt", "" if never and view.attempt == 1 else attempt
    for end in view.earlier:
        yield f"attempt {end.attempt}", f"{end.outcome.replace('_', ' ')}. {end.reason.text}"


def _spec_fields(spec: RunSpec) -> Iterator[Field]:
    yield "command", shlex.join(spec.command)
    yield "before it", shlex.join(spec.pre_command)
    yield "after it", shlex.join(spec.post_command)
    yield "directory", spec.directory
    yield "project", spec.project
    yield "environment", described(spec.environment)
    yield "variables", "\n".join(f"{name}={value}" for name, value in spec.variables.items())
    yield "secrets", ", ".join(spec.secrets)
    yield "niceness", str(spec.niceness or "")


def _gpu_fields(view: RunView, simulated: bool) -> Iterator[Field]:
    asked = view.spec.gpus
    yield "asked for", words.gpus_asked(asked)
    yield "of the machine", words.host_asked(view.spec.host)
    yield (
        "GPUs",
        ", ".join(
            f"{gpu_number(gpu.index, gpu.instance)} ({gpu.uuid}"
            f"{', simulated' if simulated or is_simulated(gpu.uuid) else ''})"
            for gpu in lease_of(view.state).gpus
        ),
    )


def _life_fields(view: RunView) -> Iterator[Field]:
    spec = view.spec
    limit, stop, log = spec.time_limit_s, spec.stop, spec.log
    yield "time limit", "" if limit is None else f"{format_duration(limit)} an attempt"
    if not isinstance(view.state, Stopping | Ended):
        # Who stops it may say otherwise: of one that is stopped, this would be no fact.
        yield "to stop it", f"{stop.signal}, then KILL after {format_duration(stop.grace_s)}"
    yield "retries", _retries(spec.retry)
    cap = "" if log.bytes_max is None else f"{format_size(log.bytes_max)} at most"
    yield "log", ", ".join(part for part in ("stderr apart" if log.split else "", cap) if part)


def _retries(rule: RetryRule) -> str:
    if rule.attempts_max <= 1:
        return ""
    filters = [
        f"{name} {', '.join(map(str, numbers))}"
        for name, numbers in (("exit codes", rule.exit_codes), ("signals", rule.signals))
        if numbers
    ]
    ends = " or ".join(cause.replace("_", " ") for cause in rule.on)
    only = f" (only {' and '.join(filters)})" if filters else ""
    return (
        f"up to {rule.attempts_max - 1} when {ends}{only}, the first after"
        f" {format_duration(rule.backoff_s)}"
    )


def _settings_fields(view: RunView) -> Iterator[Field]:
    settings = view.settings
    yield "priority", str(settings.priority or "")
    yield "held", "until 'lanherd release'" if settings.held else ""
    yield "tags", ", ".join(settings.tags)
    yield "notes", settings.notes


def _waiting_fields(
    dependencies: Sequence[Dependency], waited_for_by: Sequence[tuple[RunView, str]]
) -> Iterator[Field]:
    yield "waits for", "\n".join(f"{_WAITS[d.kind]} {short_id(d.run)}" for d in dependencies)
    yield "waited for by", ", ".join(short_id(view.run) for view, _ in waited_for_by)


def _files_fields(view: RunView) -> Iterator[Field]:
    removed = view.files_removed_at
    yield "files", "kept: the run is pinned" if view.settings.pinned else ""
    yield "files removed", "" if removed is None else words.moment(removed)


@click.command("attempts")
@run_argument
@json_option
@click.pass_context
def attempts_command(context: click.Context, run: str, as_json: bool) -> None:
    """List a run's attempts, and how each ended.

    The one that waits or is under way comes last. 'lanherd logs RUN --attempt N' and 'lanherd
    outputs RUN --attempt N' have what one left.
    """
    complete(_attempts(context, run, as_json))


async def _attempts(context: click.Context, text: str, as_json: bool) -> None:
    async with connected(context) as fleet:
        run = await answered(fleet.run(text))
        view = await answered(run.refresh())
    if as_json:
        attempts = [*map(shapes.attempt_shape, attempts_of(view))]
        if not isinstance(view.state, Ended):
            attempts.append(shapes.current_attempt_shape(view))
        talk.put_json([*attempts])
        return
    rows = [_attempt_row(end) for end in attempts_of(view)]
    if not isinstance(view.state, Ended):
        rows.append(_current_row(view))
    talk.put_table(_ATTEMPT_COLUMNS, rows)


def _attempt_row(end: AttemptEnd) -> Sequence[str]:
    began = end.started_at
    code = "" if end.exit_code is None else str(end.exit_code)
    return (
        str(end.attempt),
        end.outcome.replace("_", " "),
        words.moment(end.at),
        "" if began is None else words.duration(end.at - began),
        code if end.signal is None else words.signal_name(end.signal),
        leased_numbers(end.lease.gpus),
        end.reason.text,
    )


def _current_row(view: RunView) -> Sequence[str]:
    return (
        str(view.attempt),
        words.state_word(view.state),
        "",
        words.run_time(view, now()),
        "",
        leased_numbers(lease_of(view.state).gpus),
        words.reason_text(view.state),
    )
