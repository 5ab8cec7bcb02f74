"""The options of a new run as a person filled them in, and what is wrong with them.

All of them may stay empty. Secrets are in the form while it is open and in the request; nothing
else ever holds them, and no text of theirs is made.
"""

import re
import shlex
from dataclasses import dataclass, field
from typing import Literal

from lanherd_client.durations import format_duration, parse_duration
from lanherd_client.sizes import format_size, parse_size
from lanherd_desktop.state.room import RunKey
from lanherd_desktop.state.run_settings import SettingsProblem, split_tags, tags_line, tags_problem
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.limits import (
    DEPENDENCIES_PER_RUN_MAX,
    LOG_CAP_BYTES_MIN,
    SECRET_BYTES_MAX,
    SECRETS_PER_RUN_MAX,
    TIME_LIMIT_S_MAX,
)
from lanherd_protocol.states import RunView
from lanherd_protocol.values import (
    Dependency,
    DependencyKind,
    LogRule,
    RetryCause,
    RetryRule,
    RunSettings,
    StopRule,
    StopSignal,
)

OptionField = Literal[
    "time_limit", "stop", "attempts", "priority", "niceness", "tags", "after", "directory", "pre",
    "post", "variables", "secrets", "log_cap",
]  # fmt: skip
OptionProblemCode = (
    Literal[
        "time_limit", "time_limit_range", "grace", "grace_range", "retry_never",
        "after_elsewhere", "after_apart", "after_twice", "after_many", "quotes",
        "variable_form", "secret_name", "secret_twice", "secret_empty", "secret_large",
        "secrets_many", "size", "log_cap_small", "directory_up",
    ]
    | SettingsProblem
)  # fmt: skip
NICENESS_MAX = 19
USUAL_GRACE_S = StopRule().grace_s
GRACE_S_MAX = 86_400.0
"""What a machine takes at most, unless its owner chose otherwise."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class SecretField:
    """A row of the form. Its value is in no text."""

    name: str = ""
    value: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class AfterField:
    """A row of the form: a run that is waited for, or None while none is chosen."""

    key: RunKey | None = None
    kind: DependencyKind = "after_ok"


@dataclass(frozen=True, slots=True)
class OptionsForm:
    """The fields as they stand. `retry` holds what the form has no field for."""

    time_limit: str = ""
    attempts: int = 1
    retry_on: frozenset[RetryCause] = frozenset({"failed", "lost"})
    held: bool = False
    priority: int = 0
    niceness: int = 0
    tags: str = ""
    after: tuple[AfterField, ...] = ()
    directory: str = ""
    pre: str = ""
    post: str = ""
    variables: str = ""
    secrets: tuple[SecretField, ...] = ()
    log_cap: str = ""
    log_split: bool = False
    notes: str = ""
    stop_signal: StopSignal = StopRule().signal
    grace: str = ""
    retry: RetryRule = field(default_factory=RetryRule)

    def waits_on(self) -> DeviceId | None:
        """The machine of the first run that is waited for: the new one can go nowhere else."""
        return next((row.key[0] for row in self.after if row.key is not None), None)


@dataclass(frozen=True, slots=True)
class OptionProblem:
    """What is wrong with one option; `name` says which secret or variable."""

    field: OptionField
    code: OptionProblemCode
    name: str = ""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options that can be sent."""

    time_limit_s: float | None = None
    retry: RetryRule = field(default_factory=RetryRule)
    settings: RunSettings = field(default_factory=RunSettings)
    niceness: int = 0
    dependencies: tuple[Dependency, ...] = ()
    directory: str = ""
    pre_command: tuple[str, ...] = ()
    post_command: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    log: LogRule = field(default_factory=LogRule)
    stop: StopRule = field(default_factory=StopRule)


class _Checker:
    """Takes the fields one by one, and keeps what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[OptionProblem] = []

    def wrong(self, where: OptionField, code: OptionProblemCode, name: str = "") -> None:
        self.problems.append(OptionProblem(where, code, name))

    def time_limit(self, text: str) -> float | None:
        if not text.strip():
            return None
        try:
            seconds = parse_duration(text)
        except ValueError:
            self.wrong("time_limit", "time_limit")
            return None
        if not 0 < seconds <= TIME_LIMIT_S_MAX:
            self.wrong("time_limit", "time_limit_range")
        return seconds

    def stop(self, form: OptionsForm) -> StopRule:
        usual = StopRule(signal=form.stop_signal)
        if not form.grace.strip():
            return usual
        try:
            grace_s = parse_duration(form.grace)
        except ValueError:
            self.wrong("stop", "grace")
            return usual
        if grace_s > GRACE_S_MAX:
            self.wrong("stop", "grace_range")
        return StopRule(signal=form.stop_signal, grace_s=grace_s)

    def after(
        self, rows: tuple[AfterField, ...], machine: DeviceId | None
    ) -> tuple[Dependency, ...]:
        chosen = [(*row.key, row.kind) for row in rows if row.key is not None]
        found = tuple(Dependency(run=run, kind=kind) for _, run, kind in chosen)
        places = {place for place, _, _ in chosen}
        if machine is not None and places - {machine}:
            self.wrong("after", "after_elsewhere")
        elif len(places) > 1:
            self.wrong("after", "after_apart")
        elif len({dependency.run for dependency in found}) < len(found):
            self.wrong("after", "after_twice")
        elif len(found) > DEPENDENCIES_PER_RUN_MAX:
            self.wrong("after", "after_many")
        return found

    def words(self, where: OptionField, text: str) -> tuple[str, ...]:
        try:
            return tuple(shlex.split(text))
        except ValueError:
            self.wrong(where, "quotes")
            return ()

    def variables(self, text: str) -> dict[str, str]:
        found: dict[str, str] = {}
        for word in self.words("variables", text):
            name, equals, value = word.partition("=")
            if not equals or not _NAME.fullmatch(name):
                self.wrong("variables", "variable_form", word)
            found[name] = value
        return found

    def secrets(self, rows: tuple[SecretField, ...]) -> dict[str, str]:
        found: dict[str, str] = {}
        for row in rows:
            if not row.name and not row.value:
                continue
            if not _NAME.fullmatch(row.name):
                self.wrong("secrets", "secret_name", row.name)
            elif row.name in found:
                self.wrong("secrets", "secret_twice", row.name)
            elif not row.value:
                self.wrong("secrets", "secret_empty", row.name)
            elif len(row.value.encode()) > SECRET_BYTES_MAX:
                self.wrong("secrets", "secret_large", row.name)
            found[row.name] = row.value
        if len(found) > SECRETS_PER_RUN_MAX:
            self.wrong("secrets", "secrets_many")
        return found

    def retry(self, form: OptionsForm) -> RetryRule:
        if form.attempts > 1 and not form.retry_on:
            self.wrong("attempts", "retry_never")
        kept = form.retry
        causes: tuple[RetryCause, ...] = ("failed", "lost", "timed_out")
        return RetryRule(
            attempts_max=form.attempts,
            on=tuple(cause for cause in causes if cause in form.retry_on),
            exit_codes=kept.exit_codes,
            signals=kept.signals,
            backoff_s=kept.backoff_s,
            backoff_factor=kept.backoff_factor,
            backoff_s_max=kept.backoff_s_max,
            jitter=kept.jitter,
        )

    def log(self, form: OptionsForm) -> LogRule:
        cap: int | None = None
        if form.log_cap.strip():
            try:
                cap = parse_size(form.log_cap)
            except ValueError:
                self.wrong("log_cap", "size")
            else:
                if cap < LOG_CAP_BYTES_MIN:
                    self.wrong("log_cap", "log_cap_small")
        return LogRule(split=form.log_split, bytes_max=cap)

    def settings(self, form: OptionsForm) -> RunSettings:
        tags = split_tags(form.tags)
        problem = tags_problem(tags)
        if problem is not None:
            self.wrong("tags", problem)
        return RunSettings(priority=form.priority, held=form.held, tags=tags, notes=form.notes)

    def directory(self, text: str) -> str:
        path = text.strip()
        if ".." in path.split("/"):
            self.wrong("directory", "directory_up")
        return path


def check_options(
    form: OptionsForm, machine: DeviceId | None
) -> RunOptions | tuple[OptionProblem, ...]:
    """The options for a run that goes to `machine` (None: to any), or every problem of theirs."""
    taken = _Checker()
    options = RunOptions(
        time_limit_s=taken.time_limit(form.time_limit),
        stop=taken.stop(form),
        retry=taken.retry(form),
        settings=taken.settings(form),
        niceness=form.niceness,
        dependencies=taken.after(form.after, machine),
        directory=taken.directory(form.directory),
        pre_command=taken.words("pre", form.pre),
        post_command=taken.words("post", form.post),
        variables=taken.variables(form.variables),
        secrets=taken.secrets(form.secrets),
        log=taken.log(form),
    )
    return tuple(taken.problems) or options


def options_of_run(view: RunView) -> OptionsForm:
    """Options that ask for the same again, but for what it waited for. The secrets have their
    names, and wait for their values: those are nowhere to be read."""
    spec, settings = view.spec, view.settings
    return OptionsForm(
        time_limit=format_duration(spec.time_limit_s) if spec.time_limit_s is not None else "",
        attempts=spec.retry.attempts_max,
        retry_on=frozenset(spec.retry.on),
        priority=settings.priority,
        niceness=spec.niceness,
        tags=tags_line(settings.tags),
        directory=spec.directory,
        pre=shlex.join(spec.pre_command),
        post=shlex.join(spec.post_command),
        variables=shlex.join(f"{name}={value}" for name, value in sorted(spec.variables.items())),
        secrets=tuple(SecretField(name) for name in spec.secrets),
        log_cap=format_size(spec.log.bytes_max) if spec.log.bytes_max else "",
        log_split=spec.log.split,
        notes=settings.notes,
        stop_signal=spec.stop.signal,
        grace=format_duration(spec.stop.grace_s) if spec.stop.grace_s != USUAL_GRACE_S else "",
        retry=spec.retry,
    )
