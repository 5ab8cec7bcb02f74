"""What an attempt is started with: its folders, its arguments, its variables and its rules."""

import logging
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lanherd_agent.core import effects as f
from lanherd_agent.core.rules import Rules
from lanherd_agent.envs.builder import BuiltEnvironment
from lanherd_agent.execution.failures import no_directory
from lanherd_agent.gpu.binding import binding_variables, number_of
from lanherd_agent.runs import stages
from lanherd_agent.runs.rundir import AttemptDir, RunNote, Spec
from lanherd_protocol.values import RunSpec, StopSignal

log = logging.getLogger("lanherd.executor")

_OWN_VARIABLES = frozenset(
    {
        "INVOCATION_ID",
        "JOURNAL_STREAM",
        "LISTEN_FDNAMES",
        "LISTEN_FDS",
        "LISTEN_PID",
        "NOTIFY_SOCKET",
        "OLDPWD",
        "PWD",
        "PYTHONHOME",
        "PYTHONPATH",
        "SHLVL",
        "STATE_DIRECTORY",
        "VIRTUAL_ENV",
        "WATCHDOG_PID",
        "WATCHDOG_USEC",
        "_",
    }
)
"""What the agent was given for itself; a run must not take it for its own."""

_SIGNALS: dict[StopSignal, int] = {
    "TERM": signal.SIGTERM,
    "INT": signal.SIGINT,
    "HUP": signal.SIGHUP,
    "QUIT": signal.SIGQUIT,
    "USR1": signal.SIGUSR1,
    "USR2": signal.SIGUSR2,
    "KILL": signal.SIGKILL,
}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is the same for every attempt of one agent."""

    machine: str
    inherited: Mapping[str, str]
    rules: Rules


def spec_of(
    effect: f.StartAttempt,
    directory: AttemptDir,
    environment: BuiltEnvironment | None,
    secrets: Path | None,
    around: Surroundings,
) -> Spec:
    """The attempt's spec.json. Raises NOT_FOUND where the run's directory isn't there."""
    spec = effect.spec
    cap = spec.log.bytes_max
    cwd = str(_begin_in(spec, directory.tree))
    return Spec(
        argv=_argv(spec, directory),
        cwd=cwd,
        env={"PWD": cwd, **_variables(effect, directory, environment, secrets, around)},
        err=directory.err.name if spec.log.split else None,
        niceness=spec.niceness,
        log_bytes_max=around.rules.log_bytes_max if cap is None else cap,
        time_limit_s=spec.time_limit_s,
        stop_signal=_SIGNALS[spec.stop.signal],
        stop_grace_s=spec.stop.grace_s,
        run=RunNote(
            spec=spec,
            owner=effect.owner,
            submitted_at=effect.submitted_at,
            ordinal=effect.ordinal,
            settings=effect.settings,
            lease=effect.lease,
            environment=effect.prepared.environment if effect.prepared is not None else None,
        ),
    )


def inherited(environment: Mapping[str, str]) -> dict[str, str]:
    """The agent's own environment without what is meant for the agent alone."""
    taken: dict[str, str] = {}
    for name, value in environment.items():
        if name in _OWN_VARIABLES or name.startswith("LANHERD_"):
            continue
        if not _is_text(name + value):
            log.warning("runs don't get the variable %r: it isn't UTF-8", name)
            continue
        taken[name] = value
    # So that a log shows a line when it is printed, not when 8 KiB have come together.
    taken.setdefault("PYTHONUNBUFFERED", "1")
    return taken


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _argv(spec: RunSpec, directory: AttemptDir) -> tuple[str, ...]:
    if not spec.pre_command and not spec.post_command:
        return spec.command
    return stages.argv(str(directory.path), spec.pre_command, spec.command, spec.post_command)


def _begin_in(spec: RunSpec, tree: Path) -> Path:
    """Where the command begins; a relative directory doesn't lead out of the project."""
    if not spec.directory:
        return tree
    chosen = tree / spec.directory
    if not chosen.is_dir():
        there = "There is no such folder on the machine."
        inside = "The project as it was sent has no such folder."
        raise no_directory(spec.directory, there if spec.directory.startswith("/") else inside)
    if spec.directory.startswith("/") or chosen.resolve().is_relative_to(tree.resolve()):
        return chosen
    raise no_directory(spec.directory, "It leads out of the project.")


def _variables(
    effect: f.StartAttempt,
    directory: AttemptDir,
    environment: BuiltEnvironment | None,
    secrets: Path | None,
    around: Surroundings,
) -> dict[str, str]:
    spec = effect.spec
    variables = {**around.inherited, **spec.variables}
    if environment is not None:
        variables = environment.activate(variables)
    variables.update(binding_variables(effect.lease))
    variables.update(
        LANHERD_RUN_ID=effect.run,
        LANHERD_RUN_NAME=spec.name,
        LANHERD_PROJECT=spec.project,
        LANHERD_MACHINE=around.machine,
        LANHERD_SUBMITTED_AT=f"{effect.submitted_at:.6f}",
        LANHERD_ATTEMPT=str(effect.attempt),
        LANHERD_ATTEMPTS_MAX=str(spec.retry.attempts_max),
        LANHERD_GPUS=",".join(number_of(gpu) for gpu in effect.lease.gpus),
        LANHERD_OUTPUTS=str(directory.outputs),
    )
    if secrets is not None:
        variables["LANHERD_SECRETS"] = str(secrets)
    earlier = _earlier_outputs(directory)
    if earlier is not None:
        variables["LANHERD_EARLIER_OUTPUTS"] = str(earlier)
    return variables


def _earlier_outputs(directory: AttemptDir) -> Path | None:
    """The outputs of the last attempt before this one that has any."""
    for attempt in range(directory.attempt - 1, 0, -1):
        outputs = AttemptDir(directory.path.with_name(str(attempt))).outputs
        if outputs.is_dir() and os.listdir(outputs):
            return outputs
    return None
