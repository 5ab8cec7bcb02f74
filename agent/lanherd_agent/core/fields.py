"""The grammar and the bounds of what a run is submitted with, field by field."""

import math
import re
from collections.abc import Collection, Iterable

from lanherd_agent.core.reasons import disk_size, duration
from lanherd_agent.core.rules import Rules
from lanherd_protocol import limits
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import RunId, is_uuid7
from lanherd_protocol.paths import PathError, check_path
from lanherd_protocol.values import Dependency, LogRule, RetryRule, RunSettings, RunSpec

_SECRET = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_USUAL_SETTINGS = RunSettings()
_USUAL_RETRY = RetryRule()
_USUAL_LOG = LogRule()
EXIT_CODE_MAX = 255
SIGNAL_MAX = 64


def invalid(title: str, remedy: str, **data: str | int | float) -> LanherdError:
    return error(ErrorCode.INVALID_REQUEST, title, "", remedy, **data)


def check_grace(grace_s: float, rules: Rules) -> None:
    if not (math.isfinite(grace_s) and 0 <= grace_s <= rules.grace_s_max):
        raise invalid(
            f"A grace of {_span(grace_s)} can't be given.",
            f"Give 0 s to {duration(rules.grace_s_max)}.",
            grace_s=grace_s,
        )


def check_command(command: tuple[str, ...], what: str = "command") -> None:
    if not command or not command[0]:
        raise invalid(
            f"The run has no {what}.", "Say what to run.", refusal="no_command", what=what
        )
    if len(command) > limits.COMMAND_ARGUMENTS_MAX or size(command) > limits.COMMAND_BYTES_MAX:
        raise invalid(
            f"The run's {what} is too long.",
            f"A command has at most {limits.COMMAND_ARGUMENTS_MAX} arguments "
            f"and {limits.COMMAND_BYTES_MAX} bytes; put long lists into a file of the project.",
            refusal="long_command",
            what=what,
            arguments_max=limits.COMMAND_ARGUMENTS_MAX,
            size_bytes_max=limits.COMMAND_BYTES_MAX,
        )
    if any("\0" in argument for argument in command):
        raise invalid(
            f"An argument of the run's {what} holds a NUL byte.",
            "Leave it out.",
            refusal="nul_in_command",
            what=what,
        )


def check_variables(variables: dict[str, str]) -> None:
    if not variables:
        return
    if len(variables) > limits.RUN_ENV_VARIABLES_MAX or (
        size(variables) + size(variables.values()) > limits.COMMAND_BYTES_MAX
    ):
        raise invalid(
            "The run has too many environment variables.",
            f"There may be {limits.RUN_ENV_VARIABLES_MAX}, in {limits.COMMAND_BYTES_MAX} bytes.",
            refusal="many_variables",
            variables_max=limits.RUN_ENV_VARIABLES_MAX,
            size_bytes_max=limits.COMMAND_BYTES_MAX,
        )
    for name, value in variables.items():
        if not name or "=" in name or "\0" in name or "\0" in value:
            raise invalid(
                f"The environment variable {name[:64]!r} can't be set.",
                "Names are not empty and hold no '='; nothing holds a NUL byte.",
                refusal="bad_variable",
                variable=name[:64],
            )


def check_life(run: RunId, spec: RunSpec, rules: Rules) -> None:
    """What bounds a run's life: its limit, its stop, its attempts, what it waits for."""
    if spec.time_limit_s is not None:
        _check_time_limit(spec.time_limit_s)
    check_grace(spec.stop.grace_s, rules)
    if spec.retry != _USUAL_RETRY:
        _check_retry(spec.retry)
    if spec.dependencies:
        _check_dependencies(run, spec.dependencies)
    if spec.restart_of is not None and not is_uuid7(spec.restart_of):
        raise invalid(
            f"{spec.restart_of[:64]!r} is no run id.",
            "Name the run that this repeats.",
            refusal="bad_run_id",
            id=spec.restart_of[:64],
        )


def check_surroundings(spec: RunSpec) -> None:
    """Where and beside what the command runs."""
    if spec.directory:
        _check_directory(spec.directory)
    if not 0 <= spec.niceness <= limits.NICENESS_MAX:
        raise invalid(
            f"A niceness of {spec.niceness} can't be given.",
            f"Give 0 (usual) to {limits.NICENESS_MAX} (last); going first needs root.",
            niceness=spec.niceness,
        )
    if spec.pre_command:
        check_command(spec.pre_command, "pre command")
    if spec.post_command:
        check_command(spec.post_command, "post command")
    if spec.log != _USUAL_LOG:
        _check_log(spec.log)
    if spec.secrets:
        _check_secrets(spec.secrets)


def check_settings(settings: RunSettings) -> None:
    if settings == _USUAL_SETTINGS:
        return
    if abs(settings.priority) > limits.PRIORITY_MAX:
        raise invalid(
            f"A priority of {settings.priority} can't be given.",
            f"Give {-limits.PRIORITY_MAX} to {limits.PRIORITY_MAX}; the usual one is 0.",
            priority=settings.priority,
        )
    if len(settings.notes) > limits.NOTES_CHARS_MAX:
        raise invalid(
            f"The notes have {len(settings.notes)} characters.",
            f"There may be {limits.NOTES_CHARS_MAX}.",
            chars=len(settings.notes),
        )
    tags = settings.tags
    if len(tags) > limits.TAGS_PER_RUN_MAX or _has_doubles(tags):
        raise invalid(
            f"The run has {len(tags)} tags, or one of them twice.",
            f"There may be {limits.TAGS_PER_RUN_MAX} different ones.",
            tags=len(tags),
        )
    for tag in tags:
        if not 0 < len(tag) <= limits.TAG_CHARS_MAX or not tag.isprintable() or tag != tag.strip():
            raise invalid(
                f"{tag[: limits.TAG_CHARS_MAX]!r} can't be a tag.",
                f"A tag is 1 to {limits.TAG_CHARS_MAX} printable characters, no spaces around.",
                refusal="bad_tag",
                tag=tag[: limits.TAG_CHARS_MAX],
                tag_chars_max=limits.TAG_CHARS_MAX,
            )


def _check_time_limit(limit_s: float) -> None:
    if not (math.isfinite(limit_s) and 0 < limit_s <= limits.TIME_LIMIT_S_MAX):
        raise invalid(
            f"A time limit of {_span(limit_s)} can't be kept.",
            f"Give more than 0 s and at most {duration(limits.TIME_LIMIT_S_MAX)}, or no limit.",
            time_limit_s=limit_s,
        )


def _check_retry(rule: RetryRule) -> None:
    if not 1 <= rule.attempts_max <= limits.ATTEMPTS_PER_RUN_MAX:
        raise invalid(
            f"A run can't have {rule.attempts_max} attempts.",
            f"Give 1 (no retry) to {limits.ATTEMPTS_PER_RUN_MAX}.",
            attempts_max=rule.attempts_max,
        )
    _check_numbers("exit codes", rule.exit_codes, EXIT_CODE_MAX)
    _check_numbers("signals", rule.signals, SIGNAL_MAX)
    if _has_doubles(rule.on):
        raise invalid(
            "The retry rule names an outcome twice.", "Name each once.", refusal="two_outcomes"
        )
    # A comparison with a value that is no number is false.
    for name, value in (("backoff_s", rule.backoff_s), ("backoff_s_max", rule.backoff_s_max)):
        if not 0.0 <= value <= limits.BACKOFF_S_MAX:
            raise invalid(
                f"The pause before another attempt can't be {_span(value)}.",
                f"Give 0 s to {duration(limits.BACKOFF_S_MAX)}.",
                field=name,
                value=value,
            )
    bounds = (
        ("backoff_factor", rule.backoff_factor, 1.0, limits.BACKOFF_FACTOR_MAX),
        ("jitter", rule.jitter, 0.0, 1.0),
    )
    for name, value, least, most in bounds:
        if not least <= value <= most:
            raise invalid(
                f"The retry rule has {value} for {name}.",
                f"Give {least:g} to {most:g}.",
                field=name,
                value=value,
            )


def _check_numbers(what: str, numbers: tuple[int, ...], most: int) -> None:
    if _has_doubles(numbers) or not all(0 < number <= most for number in numbers):
        raise invalid(
            f"The retry rule names {what} that there are not.",
            f"Name each once, from 1 to {most}.",
            refusal="bad_numbers",
            what=what,
            most=most,
        )


def _check_dependencies(run: RunId, dependencies: tuple[Dependency, ...]) -> None:
    if len(dependencies) > limits.DEPENDENCIES_PER_RUN_MAX:
        raise invalid(
            f"The run waits for {len(dependencies)} others.",
            f"There may be {limits.DEPENDENCIES_PER_RUN_MAX}.",
            dependencies=len(dependencies),
        )
    if _has_doubles([dependency.run for dependency in dependencies]):
        raise invalid(
            "The run waits for the same run twice.", "Name each once.", refusal="two_dependencies"
        )
    for dependency in dependencies:
        if dependency.run == run:
            raise invalid(
                "The run waits for itself.",
                "Leave that dependency out.",
                refusal="waits_for_itself",
                run=run,
            )
        if not is_uuid7(dependency.run):
            raise invalid(
                f"{dependency.run[:64]!r} is no run id.",
                "Run ids are UUIDv7 in lower case.",
                refusal="bad_run_id",
                id=dependency.run[:64],
            )


def _check_directory(directory: str) -> None:
    """A path inside the project is held to the grammar of snapshots; an absolute one is the
    machine's own affair, and only has to be a path."""
    why = ""
    if not directory.startswith("/"):
        try:
            check_path(directory)
        except PathError as refused:
            why = refused.why
    elif "\0" in directory or size((directory,)) > limits.PATH_BYTES_MAX + 1:
        why = "is no path of a machine"
    if why:
        raise invalid(
            f"The run can't begin in {directory[:200]!r}: it {why}.",
            "Give a folder of the project, such as 'src', or an absolute path.",
            refusal="bad_directory",
            directory=directory[:200],
            why=why,
        )


def _check_log(rule: LogRule) -> None:
    most = rule.bytes_max
    if most is not None and not limits.LOG_CAP_BYTES_MIN <= most <= limits.LOG_CAP_BYTES_MAX:
        raise invalid(
            f"A log can't be capped at {most} bytes.",
            f"Give {disk_size(limits.LOG_CAP_BYTES_MIN)} to {disk_size(limits.LOG_CAP_BYTES_MAX)},"
            " or leave it to the machine.",
            bytes_max=most,
        )


def _check_secrets(names: tuple[str, ...]) -> None:
    if len(names) > limits.SECRETS_PER_RUN_MAX or _has_doubles(names):
        raise invalid(
            f"The run has {len(names)} secrets, or one of them twice.",
            f"There may be {limits.SECRETS_PER_RUN_MAX} different ones.",
            secrets=len(names),
        )
    for name in names:
        if len(name) > limits.PATH_COMPONENT_BYTES_MAX or not _SECRET.fullmatch(name):
            raise invalid(
                f"{name[:64]!r} can't be the name of a secret.",
                "Names are letters, digits and '_', and don't begin with a digit.",
                refusal="bad_secret_name",
                secret=name[:64],
            )


def size(texts: Iterable[str]) -> int:
    return sum(len(text.encode(errors="replace")) + 1 for text in texts)


def _span(seconds: float) -> str:
    """A span that somebody gave, which may be none."""
    return duration(seconds) if math.isfinite(seconds) else f"{seconds} s"


def _has_doubles(values: Collection[object]) -> bool:
    return len(set(values)) != len(values)
