"""The slips of a script, said where they are made and by the argument's name.

The machine would refuse them too, but it knows the message alone, and not who wrote it.
"""

import math
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from lanherd_client.durations import parse_duration
from lanherd_client.sizes import MB, parse_size
from lanherd_protocol.errors import ErrorCode, LanherdError, error

NAMES_IN_THE_SHELL = {
    "env": "variables",
    "secret": "secrets",
    "chdir": "directory",
    "nice": "niceness",
    "pre": "pre_command",
    "post": "post_command",
    "tag": "tags",
    "note": "notes",
    "pin": "pinned",
    "on": "machine",
    "wait_for_others": "beside_others",
    "no_environment": "environment",
}
"""Options of `lanherd run` whose argument has another name: there each is said once for a thing."""

_TEXTS = ("name", "directory", "notes", "where", "mig")
_MAPPINGS = ("variables", "secrets")
_WHOLE_NUMBERS = ("retries", "priority", "niceness")
_SEVERAL_NUMBERS = ("retry_codes", "retry_signals")
_SWITCHES = ("hold", "pinned", "split_log", "linked", "shared")


def check_names(options: Iterable[str], known: Iterable[str]) -> None:
    """Raises TypeError for a word that a run doesn't have."""
    unknown = sorted(set(options) - set(known))
    if not unknown:
        return
    meant = NAMES_IN_THE_SHELL.get(unknown[0])
    raise TypeError(
        f"submit() got an unexpected keyword argument '{unknown[0]}'; "
        + (f"here it is '{meant}'; " if meant else "")
        + f"a run may have: {', '.join(sorted(known))}"
    )


def check_types(said: Mapping[str, Any]) -> None:
    """Raises `MisuseError` that names the argument which is of another kind than it must be."""
    for name, value in said.items():
        if name in _TEXTS:
            _check_text(name, value)
        elif name in _WHOLE_NUMBERS:
            _check_number(name, value)
        elif name in _SWITCHES and not isinstance(value, bool):
            raise _of_another_kind(name, value, "True or False")
        elif name in _MAPPINGS and value is not None:
            _check_mapping(name, value)
        elif name in _SEVERAL_NUMBERS:
            for place, number in enumerate(value):
                _check_number(f"{name}[{place}]", number)


def check_words(words: Any, name: str) -> tuple[str, ...]:
    """The words of a command, or tags. Raises `MisuseError` for what is no sequence of texts."""
    title = f"{name} is a sequence of words."
    if isinstance(words, str | bytes):
        raise _misused(
            title,
            f"It was given as one text: {words!r}.",
            "Write a list, such as ['python', 'train.py']; shlex.split makes one of a text.",
        )
    if not isinstance(words, Iterable):
        raise _misused(title, f"It was given as {words!r}.", "Write a list of texts.")
    taken = tuple(words)
    for place, word in enumerate(taken):
        if not isinstance(word, str):
            raise _misused(
                title,
                f"{name}[{place}] is {word!r}, which is no text.",
                f"Write str(...) around it: {name}=[..., {str(word)!r}].",
            )
    return taken


def check_secrets(secrets: Mapping[str, str]) -> None:
    """Raises `MisuseError` for an empty one: nearly always a variable that was never set."""
    for name, value in secrets.items():
        if not value:
            raise _misused(
                f"The value of the secret {name} is empty.",
                "A command that needs it would fail, later and with less to say.",
                "Give its value, or leave the secret out.",
            )


def seconds_of(value: object, name: str) -> float:
    """Seconds of a number, a text or a timedelta. Raises `MisuseError` that names the argument."""
    title = f"{name} is a number of seconds, a text such as '2h30m', or a timedelta."
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError as problem:
            raise _misused(title, str(problem)) from problem
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        remedy = f"Write a number or a text, such as {name}='90s'."
        raise _misused(title, f"It was given as {value!r}.", remedy)
    return float(value)


def size_of(value: object, name: str) -> int:
    """Bytes of a text with a unit, or of a number of bytes; nobody means 5 bytes by 5. Raises
    `MisuseError` that names the argument."""
    title = f"{name} is a number of bytes, or a text with a unit."
    if isinstance(value, str):
        try:
            return parse_size(value)
        except ValueError as problem:
            raise _misused(title, str(problem)) from problem
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _misused(
            title, f"It was given as {value!r}.", f"Write a text, such as {name}='32GB'."
        )
    if 0 < value < MB:
        remedy = f"Write a text with its unit, such as {name}='{value}GB'."
        raise _misused(title, f"{value} would be {value} bytes.", remedy)
    return value


def _check_text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise _of_another_kind(name, value, "a text")


def _check_number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _of_another_kind(name, value, "a whole number")


def _check_mapping(name: str, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise _of_another_kind(name, value, "a dict of names and texts")
    for key, content in value.items():
        if not isinstance(key, str):
            raise _of_another_kind(f"a name in {name}", key, "a text")
        if isinstance(content, str):
            continue
        if name == "secrets":
            # What a secret is stands in no message.
            raise _misused(
                f"{name}[{key!r}] is a text.", "It was given as something else.", "Write a text."
            )
        raise _of_another_kind(f"{name}[{key!r}]", content, "a text")


def _of_another_kind(name: str, value: Any, kind: str) -> LanherdError:
    return _misused(f"{name} is {kind}.", f"It was given as {value!r}.", f"Write {kind}.")


def _misused(title: str, why: str, remedy: str = "") -> LanherdError:
    return error(ErrorCode.INVALID_REQUEST, title, why, remedy)
