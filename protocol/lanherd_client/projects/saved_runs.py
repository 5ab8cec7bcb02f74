"""Run configurations that a project keeps, as `[runs.NAME]` in its `.lanherd/project.toml`.

Their keys are the options of `lanherd run` without the dashes in front (`time-limit`, or
`time_limit`; `nice`); what may be repeated there is a list here (`tags`, `secrets`), and `env` is a
table. Of secrets only the names are kept: a value in this file would travel with the project.
"""

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, NamedTuple

from lanherd_client.choosing import MachineNames
from lanherd_client.orders import RunOptions, order
from lanherd_client.wishes import GpuCount
from lanherd_protocol.errors import LanherdError


@dataclass(frozen=True, slots=True)
class SavedRun:
    """A run as `Fleet.submit` takes it. The values of `secrets` are asked for when it is sent."""

    command: tuple[str, ...]
    gpus: GpuCount = 0
    vram: int | str = 0
    exclusive: bool = False
    name: str = ""
    machine: MachineNames = None
    no_environment: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    options: RunOptions = field(default_factory=RunOptions)


class Problem(NamedTuple):
    """What is wrong with one key (empty: with the run as a whole)."""

    key: str
    text: str
    remedy: str


class _OddError(Exception):
    """A value of another kind than its key wants."""


class _Kind(NamedTuple):
    wants: str
    example: str
    read: Callable[[Any], Any]


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise _OddError
    return value


def _texts(value: Any) -> tuple[str, ...]:
    """A list of texts, or a single one."""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list):
        raise _OddError
    return tuple(map(_text, values))


def _some_texts(value: Any) -> tuple[str, ...]:
    texts = _texts(value)
    if not texts:
        raise _OddError
    return texts


def _words(value: Any) -> tuple[str, ...]:
    """A command: its words, or one text of which a shell would make them."""
    try:
        words = shlex.split(value) if isinstance(value, str) else value
    except ValueError as problem:
        raise _OddError from problem
    if not isinstance(words, list) or not words:
        raise _OddError
    if not all(isinstance(word, str) for word in words):
        raise _OddError
    return tuple(words)


def _variables(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise _OddError
    for content in value.values():
        # TRUE, True or 1: nobody knows what the command wants of a switch.
        if isinstance(content, bool) or not isinstance(content, str | int | float):
            raise _OddError
    return {name: str(content) for name, content in value.items()}


def _of(*kinds: type) -> Callable[[Any], Any]:
    """A value of one of these kinds; a switch is no number."""

    def read(value: Any) -> Any:
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise _OddError
        return value

    return read


def _list_of(*kinds: type) -> Callable[[Any], Any]:
    """A list of such values, or a single one."""
    one = _of(*kinds)

    def read(value: Any) -> Any:
        return [one(item) for item in (value if isinstance(value, list) else [value])]

    return read


_TEXT = _Kind("a text", '"first"', _text)
_TEXTS = _Kind("a list of texts", '["first", "second"]', _texts)
_SOME_TEXTS = _Kind("a list of texts, one at least", '["first", "second"]', _some_texts)
_WORDS = _Kind("a command: a list of words, or a text", '["python", "train.py"]', _words)
_SWITCH = _Kind("true or false", "true", _of(bool))
_NUMBER = _Kind("a whole number", "1", _of(int))
_COUNT = _Kind("a whole number, or from..to", '"1..4"', _of(int, str))
_CORES = _Kind("a number", "4", _of(int, float))
_SIZE = _Kind("a size with its unit", '"20GB"', _of(str))
_DURATION = _Kind("a duration, or a number of seconds", '"2h30m"', _of(str, int, float))
_CODES = _Kind("a list of exit codes", "[1, 75]", _list_of(int))
_SIGNALS = _Kind("a list of signals", '["SEGV", 9]', _list_of(int, str))
_TABLE = _Kind("a table of names and texts", '{ SEED = "1" }', _variables)

_OPTIONS: dict[str, tuple[str, _Kind]] = {
    "where": ("where", _TEXT),
    "linked": ("linked", _SWITCH),
    "mig": ("mig", _TEXT),
    "shared": ("shared", _SWITCH),
    "cpus": ("cpus", _CORES),
    "memory": ("memory", _SIZE),
    "disk": ("disk", _SIZE),
    "chdir": ("directory", _TEXT),
    "nice": ("niceness", _NUMBER),
    "pre": ("pre_command", _WORDS),
    "post": ("post_command", _WORDS),
    "time-limit": ("time_limit", _DURATION),
    "stop-signal": ("stop_signal", _TEXT),
    "grace": ("grace", _DURATION),
    "retries": ("retries", _NUMBER),
    "retry-on": ("retry_on", _TEXTS),
    "retry-codes": ("retry_codes", _CODES),
    "retry-signals": ("retry_signals", _SIGNALS),
    "backoff": ("backoff", _DURATION),
    "priority": ("priority", _NUMBER),
    "hold": ("hold", _SWITCH),
    "tags": ("tags", _TEXTS),
    "note": ("notes", _TEXT),
    "pin": ("pinned", _SWITCH),
    "split-log": ("split_log", _SWITCH),
    "log-cap": ("log_cap", _SIZE),
}
_OTHERS: dict[str, tuple[str, _Kind]] = {
    "command": ("command", _WORDS),
    "gpus": ("gpus", _COUNT),
    "vram": ("vram", _SIZE),
    "exclusive": ("exclusive", _SWITCH),
    "name": ("name", _TEXT),
    "machine": ("machine", _TEXT),
    "on": ("machine", _SOME_TEXTS),
    "no-environment": ("no_environment", _SWITCH),
    "env": ("variables", _TABLE),
    "secrets": ("secrets", _TEXTS),
    "wait-for-others": ("beside_others", _SWITCH),
    "beside-others": ("beside_others", _SWITCH),
}
RUN_KEYS = {**_OTHERS, **_OPTIONS}
"""All keys of a run, with the argument of `Fleet.submit` that each is and what it wants."""
_ANOTHER_SPELLING = {
    "tag": "tags",
    "secret": "secrets",
    "notes": "note",
    "pinned": "pin",
    "niceness": "nice",
    "directory": "chdir",
    "variables": "env",
    "pre-command": "pre",
    "post-command": "post",
}
_TOGETHER = (("machine", "on"), ("wait-for-others", "beside-others"))
_NOT_KEPT = ("after", "after-ok", "after-any")


def read_run(said: Mapping[str, Any]) -> tuple[SavedRun | None, list[Problem]]:
    """The run that a table means, or all that is wrong with it."""
    written = {key.replace("_", "-"): key for key in said}
    table = {key.replace("_", "-"): value for key, value in said.items()}
    problems = list(_problems_of_keys(table))
    if len(written) < len(said):
        twice = next(key for key in said if written[key.replace("_", "-")] != key)
        problems.append(Problem(twice, f"{twice} is said twice.", "Keep one of the two."))
    if not problems:
        problems = list(_problems_together(table))
    if problems:
        return None, [one._replace(key=written.get(one.key, one.key)) for one in problems]
    return _run(table), []


def _problems_of_keys(table: Mapping[str, Any]) -> Iterator[Problem]:
    if "command" not in table:
        yield Problem(
            "", "It has no command.", 'Add one, such as command = ["python", "train.py"].'
        )
    for key, value in table.items():
        if key not in RUN_KEYS:
            yield _unknown(key)
            continue
        kind = RUN_KEYS[key][1]
        try:
            kind.read(value)
        except _OddError:
            yield Problem(key, f"{key} is {kind.wants}.", f"Write it as in {key} = {kind.example}.")
    for pair in _TOGETHER:
        if all(table.get(key) for key in pair):
            yield Problem(pair[1], f"{' and '.join(pair)} are both said.", "Keep one of them.")


def _unknown(key: str) -> Problem:
    if key in _NOT_KEPT:
        return Problem(
            key,
            f"{key} names a run, which is another one each time.",
            f"Take it out, and say --{key} to 'lanherd run'.",
        )
    text = f"A run has no {key}."
    if key in _ANOTHER_SPELLING:
        return Problem(key, text, f"Write {_ANOTHER_SPELLING[key]}.")
    close = get_close_matches(key, RUN_KEYS, 1)
    if close:
        return Problem(key, text, f"Write {close[0]}, or take it out.")
    return Problem(key, text, f"Take it out, or write one of {', '.join(sorted(RUN_KEYS))}.")


def _problems_together(table: Mapping[str, Any]) -> Iterator[Problem]:
    """What a run can't have, in the words of whoever refuses it; the key is the one without which
    it would be taken."""
    refused = _refusal(table)
    if refused is None:
        return
    guilty = ""
    for key in table:
        rest = {name: value for name, value in table.items() if name != key}
        if key != "command" and _refusal(rest) is None:
            guilty = key
    failure = refused.failure
    yield Problem(guilty, f"{failure.title} {failure.message}".strip(), failure.remedy)


def _refusal(table: Mapping[str, Any]) -> LanherdError | None:
    run = _run(table)
    try:
        order(
            run.command,
            gpus=run.gpus,
            vram=run.vram,
            exclusive=run.exclusive,
            name=run.name,
            variables=run.variables,
            **run.options,
        )
    except LanherdError as refused:
        return refused
    return None


def _run(table: Mapping[str, Any]) -> SavedRun:
    """The run of a table whose keys are of their kinds."""
    options: Any = {}
    given: dict[str, Any] = {}
    for key, value in table.items():
        argument, kind = RUN_KEYS[key]
        if key in _OPTIONS:
            options[argument] = kind.read(value)
        elif argument != "beside_others":
            given[argument] = kind.read(value)
        elif value:
            options[argument] = "wait" if key == "wait-for-others" else "share"
    return SavedRun(options=options, **given)
