"""What a run is to be, as a script says it: friendly arguments in, a specification out.

Both faces of the fleet and the command line build their runs here, so that a word means the same
in all of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol, Unpack, get_args

from lanherd_client.environment_orders import (
    NOTHING_SAID,
    EnvironmentOptions,
    EnvironmentOrder,
    environment_order,
)
from lanherd_client.new_ids import new_id
from lanherd_client.order_checks import (
    check_names,
    check_secrets,
    check_types,
    check_variables,
    check_words,
    seconds_of,
    signals_of,
    size_of,
)
from lanherd_client.wishes import GpuCount, gpu_request, host_request
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import DeviceId, RunId, is_uuid7
from lanherd_protocol.values import (
    Dependency,
    DependencyKind,
    LogRule,
    RetryCause,
    RetryRule,
    RunSettings,
    RunSpec,
    StopRule,
    StopSignal,
)

Seconds = float | str | timedelta
"""A number of seconds, a text such as '2h30m', or a timedelta."""

SIGNALS: tuple[StopSignal, ...] = get_args(StopSignal)
CAUSES: tuple[RetryCause, ...] = get_args(RetryCause)
KINDS: tuple[DependencyKind, ...] = get_args(DependencyKind)
LIMIT_S_MIN = 0.001


class RunHandle(Protocol):
    """A run of either face: its id, and the machine that it is on."""

    @property
    def id(self) -> RunId: ...

    @property
    def machine(self) -> DeviceId: ...


RunRef = RunHandle | str
"""A run, or its whole id."""


class RunOptions(EnvironmentOptions, total=False):
    """What may be said of a run beside its command and its GPUs; everything may be left out.

    The life of each attempt: `time_limit` (none), `stop_signal` ('TERM') and the `grace` that it
    has to end after it (10 s).

    Further attempts: `retries` (0) that many, after the ends in `retry_on` ('failed' and 'lost';
    'timed_out'), of the failed ones only those with `retry_codes` or `retry_signals` (9, 'SEGV')
    where there are any; `backoff` (10 s) before the first retry, twice that before the next, and so
    on. `retry` is a whole rule in their place.

    What it waits for: `after` (started), `after_ok` (succeeded), `after_any` (ended) are runs of
    the same machine, each by its handle or its whole id. `hold` keeps it waiting until it is
    released.

    `priority` (0, from -100 to 100), `tags`, `notes` and `pinned` may be changed later.

    `secrets` are names and values: the command finds each as a file in the folder that
    LANHERD_SECRETS names, and no view, event or log of Lanherd's has the value.

    Of its GPUs: `where` is a constraint over their facts ('sm >= 80 and name ~ "A100"', see
    `lanherd_protocol.constraints`), `linked` wants those that reach each other best, `mig` MIG
    instances of a profile ('1g.10gb'), `shared` lets others on them whatever the machine's rule
    is, and `beside_others` says what it does beside processes that Lanherd did not start: 'wait',
    'share', or as the 'rule' is. Of the machine: `cpus` cores, `memory` and `disk` as sizes.

    The command begins in `directory` (the project's root; a path in it, or an absolute one), at
    `niceness` (0, to 19). `pre_command` must succeed before it, `post_command` follows it in any
    case. With `split_log` stderr gets a log of its own; `log_cap` is what a log may hold, in bytes
    or as a text ('2GB'), before its middle is given up.

    What its environment has beside what `environment` of the submit says is in
    `EnvironmentOptions`: `packages`, `extra`, `group`, `python`, `wheels_only`.
    """

    time_limit: Seconds | None
    stop_signal: str
    grace: Seconds
    retry: RetryRule | None
    retries: int
    retry_on: str | Sequence[str]
    retry_codes: Sequence[int]
    retry_signals: str | Sequence[int | str]
    backoff: Seconds
    after: RunRef | Iterable[RunRef]
    after_ok: RunRef | Iterable[RunRef]
    after_any: RunRef | Iterable[RunRef]
    hold: bool
    priority: int
    tags: str | Iterable[str]
    notes: str
    pinned: bool
    secrets: Mapping[str, str] | None
    directory: str
    niceness: int
    pre_command: Sequence[str]
    post_command: Sequence[str]
    split_log: bool
    log_cap: int | str | None
    where: str
    linked: bool
    mig: str
    shared: bool
    beside_others: str
    cpus: float
    memory: int | str
    disk: int | str


_RETRY_WORDS = ("retry_on", "retry_codes", "retry_signals", "backoff")


@dataclass(frozen=True, slots=True)
class Order:
    """A run that can be submitted, under its `id`. `beside` are the runs that it waits for: it
    goes to their machine. `environment` is what was said of that beside which one it is. Made by
    `order`."""

    id: RunId
    spec: RunSpec
    settings: RunSettings = field(default_factory=RunSettings)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    beside: tuple[RunRef, ...] = ()
    environment: EnvironmentOrder = NOTHING_SAID


def order(
    command: Sequence[str],
    *,
    gpus: GpuCount = 0,
    vram: int | str = 0,
    exclusive: bool = False,
    name: str = "",
    variables: Mapping[str, str] | None = None,
    run: RunId | None = None,
    **options: Unpack[RunOptions],
) -> Order:
    """A run to be submitted, by `Fleet.submit_many`; the words are those of `Fleet.submit`.

    Its id is made here, unless it is given: orders behind it may wait for it by that id. Raises
    `MisuseError` for the usual slips of a script, in words that name the argument and the mend.
    What a machine can't do, it says itself.
    """
    check_names(options, RunOptions.__annotations__)
    check_types({**options, "name": name, "variables": variables})
    secrets = dict(options.get("secrets") or {})
    check_secrets(secrets)
    check_variables(variables or {})
    spec = RunSpec(
        command=check_words(command, "command"),
        name=name,
        gpus=gpu_request(gpus, vram, exclusive, options),
        variables=dict(variables or {}),
        time_limit_s=_seconds_or_none(options.get("time_limit")),
        stop=_stop_rule(options),
        retry=_retry_rule(options),
        dependencies=_dependencies(options),
        directory="" if options.get("directory") in (".", "./") else options.get("directory", ""),
        niceness=options.get("niceness", 0),
        pre_command=check_words(options.get("pre_command", ()), "pre_command"),
        post_command=check_words(options.get("post_command", ()), "post_command"),
        log=_log_rule(options),
        secrets=tuple(sorted(secrets)),
        host=host_request(options),
    )
    settings = RunSettings(
        priority=options.get("priority", 0),
        held=options.get("hold", False),
        tags=check_words(words_of(options.get("tags", ())), "tags"),
        notes=options.get("notes", ""),
        pinned=options.get("pinned", False),
    )
    beside, environment = _waited_for(options), environment_order(options)
    return Order(run or RunId(new_id()), spec, settings, secrets, beside, environment)


def words_of(value: str | Iterable[str]) -> tuple[str, ...]:
    """Each word once, in order; a single text is one word."""
    return tuple(dict.fromkeys((value,) if isinstance(value, str) else value))


def signal_of(name: str) -> StopSignal:
    """A signal that a run may be stopped with, from 'INT', 'int' or 'SIGINT'."""
    wanted = name.upper().removeprefix("SIG")
    for signal in SIGNALS:
        if signal == wanted:
            return signal
    raise _misused(
        "A run is stopped with one of a few signals.",
        f"{name!r} is none of them.",
        f"Write one of {', '.join(SIGNALS)}.",
        refusal="stop_signal",
        given=name,
        signals=", ".join(SIGNALS),
    )


def run_of(ref: RunRef) -> RunId:
    """The id of a run that is named by its handle or its whole id."""
    if not isinstance(ref, str):
        return ref.id
    if is_uuid7(ref):
        return RunId(ref)
    raise _misused(
        "A run is named by its handle or its whole id here.",
        f"It was given as {ref!r}.",
        "Find it first with 'fleet.run', which takes a part of an id or a name.",
        refusal="run_by_part",
        given=ref,
    )


def refs_of(value: RunRef | Iterable[RunRef]) -> tuple[RunRef, ...]:
    """One run or several, as several."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        return (value,)
    return tuple(value)


def _seconds_or_none(value: Seconds | None) -> float | None:
    if value is None:
        return None
    seconds = seconds_of(value, "time_limit")
    if 0 < seconds < LIMIT_S_MIN:
        raise _misused(
            "time_limit is a millisecond at least.",
            "Nothing could be done in less.",
            "Give it more time, or leave it out for no limit.",
            refusal="short_limit",
        )
    return seconds


def _stop_rule(options: RunOptions) -> StopRule:
    usual = StopRule()
    return StopRule(
        signal=signal_of(options.get("stop_signal", usual.signal)),
        grace_s=seconds_of(options.get("grace", usual.grace_s), "grace"),
    )


def _retry_rule(options: RunOptions) -> RetryRule:
    rule, retries = options.get("retry"), options.get("retries", 0)
    said = [word for word in _RETRY_WORDS if word in options]
    if rule is not None:
        if said or retries:
            raise _misused(
                "The retries are said twice.",
                f"A rule was given, and {', '.join(said) or 'retries'} beside it.",
                "Put all of it into the rule, or leave the rule out.",
                refusal="retries_twice",
                options=", ".join(said) or "retries",
            )
        return rule
    if said and not retries:
        raise _misused(
            "It isn't said how often the run is to be tried again.",
            f"{', '.join(said)} was given without a number of retries.",
            "Say how many, such as retries=3.",
            refusal="retries_unsaid",
            options=", ".join(said),
        )
    usual = RetryRule()
    return RetryRule(
        attempts_max=retries + 1,
        on=tuple(map(_cause, words_of(options.get("retry_on", usual.on)))),
        exit_codes=tuple(options.get("retry_codes", ())),
        signals=signals_of(options.get("retry_signals", ()), "retry_signals"),
        backoff_s=seconds_of(options.get("backoff", usual.backoff_s), "backoff"),
    )


def _cause(word: str) -> RetryCause:
    for cause in CAUSES:
        if cause == word:
            return cause
    raise _misused(
        "A run is tried again after certain ends only.",
        f"{word!r} is none of them.",
        f"Write one or more of {', '.join(CAUSES)}.",
        refusal="retry_cause",
        given=word,
        causes=", ".join(CAUSES),
    )


def _dependencies(options: RunOptions) -> tuple[Dependency, ...]:
    named: dict[Dependency, None] = {}
    for kind in KINDS:
        for ref in refs_of(options.get(kind, ())):
            named[Dependency(run=run_of(ref), kind=kind)] = None
    return tuple(named)


def _waited_for(options: RunOptions) -> tuple[RunRef, ...]:
    return tuple(ref for kind in KINDS for ref in refs_of(options.get(kind, ())))


def _log_rule(options: RunOptions) -> LogRule:
    cap = options.get("log_cap")
    return LogRule(
        split=options.get("split_log", False),
        bytes_max=None if cap is None else size_of(cap, "log_cap"),
    )


def _misused(title: str, why: str, remedy: str, *, refusal: str, **data: str) -> LanherdError:
    return error(ErrorCode.INVALID_REQUEST, title, why, remedy, refusal=refusal, **data)
