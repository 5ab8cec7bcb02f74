"""The slips of a script, said where they are made and by the argument's name.

The machine would refuse them too, but it knows the message alone, and not who wrote it.
"""

import math
import signal
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from lanherd_client.durations import SECONDS_MAX, parse_duration
from lanherd_client.sizes import BYTES_MAX, MB, parse_size
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
_SEVERAL_NUMBERS = ("retry_codes",)
NUMBER_MAX = 1 << 62
"""Beyond it no message can hold a number."""
SET_BY_THE_MACHINE = ("CUDA_DEVICE_ORDER", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")
"""Variables that say which GPUs a run has."""
_OWN = "LANHERD_"
_NOT_OWN = ("LANHERD_HOME", "LANHERD_RUNTIME_DIR")
"""What a command may need that is a controller itself."""
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
            check_number(name, value)
        elif name in _SWITCHES and not isinstance(value, bool):
            raise _of_another_kind(name, value, "switch")
        elif name in _MAPPINGS and value is not None:
            _check_mapping(name, value)
        elif name in _SEVERAL_NUMBERS:
            for place, number in enumerate(value):
                check_number(f"{name}[{place}]", number)


def check_words(words: Any, name: str) -> tuple[str, ...]:
    """The words of a command, or tags. Raises `MisuseError` for what is no sequence of texts."""
    title = f"{name} is a sequence of words."
    if isinstance(words, str | bytes):
        raise _misused(
            title,
            f"It was given as one text: {words!r}.",
            "Write a list, such as ['python', 'train.py']; shlex.split makes one of a text.",
            refusal="argument_words",
            argument=name,
            given=repr(words),
        )
    if not isinstance(words, Iterable):
        raise _misused(
            title,
            f"It was given as {words!r}.",
            "Write a list of texts.",
            refusal="argument_words",
            argument=name,
            given=repr(words),
        )
    taken = tuple(words)
    for place, word in enumerate(taken):
        if not isinstance(word, str):
            raise _misused(
                title,
                f"{name}[{place}] is {word!r}, which is no text.",
                f"Write str(...) around it: {name}=[..., {str(word)!r}].",
                refusal="argument_word",
                argument=f"{name}[{place}]",
                given=repr(word),
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
                refusal="empty_secret",
                secret=name,
            )


def check_variables(variables: Mapping[str, str]) -> None:
    """Raises `MisuseError` for a variable that the command would find with another value."""
    for name in variables:
        if name in SET_BY_THE_MACHINE:
            why = "It says which GPUs a run has, and that is for the machine to say."
            refusal = "variable_of_gpus"
        elif name.startswith(_OWN) and name not in _NOT_OWN:
            why = "Names that begin with LANHERD_ are what Lanherd itself tells a command."
            refusal = "variable_of_lanherd"
        else:
            continue
        raise _misused(
            f"The variable {name} can't be set.",
            why,
            "Leave it out, or give it another name.",
            refusal=refusal,
            variable=name,
        )


def signal_number(word: int | str) -> int:
    """The number of 11, '11', 'SEGV' or 'sigsegv'. Raises ValueError with a sentence."""
    text = str(word)
    try:
        if text.isdecimal() and not isinstance(word, bool):
            return int(signal.Signals(int(text)))
        return int(signal.Signals[f"SIG{text.upper().removeprefix('SIG')}"])
    except (KeyError, ValueError) as problem:
        raise ValueError(
            f"{word!r} is no signal. Write names or numbers, such as SEGV or 9."
        ) from problem


def signals_of(words: Iterable[int | str], name: str) -> tuple[int, ...]:
    """The numbers of several signals. Raises `MisuseError` that names the argument."""
    try:
        return tuple(map(signal_number, (words,) if isinstance(words, str) else words))
    except ValueError as problem:
        raise _misused(
            f"{name} are signals.",
            str(problem),
            refusal="argument_signals",
            argument=name,
            given=repr(words),
        ) from problem


def seconds_of(value: object, name: str) -> float:
    """Seconds of a number, a text or a timedelta. Raises `MisuseError` that names the argument."""
    title = f"{name} is a number of seconds, a text such as '2h30m', or a timedelta."
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except ValueError as problem:
            raise _misused(
                title,
                str(problem),
                refusal="argument_duration",
                argument=name,
                given=repr(value),
            ) from problem
    if isinstance(value, int) and abs(value) > SECONDS_MAX:
        raise _misused(
            title,
            "It is more than 30 years.",
            "Give a shorter one.",
            refusal="argument_long",
            argument=name,
        )
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _misused(
            title,
            f"It was given as {value!r}.",
            f"Write a number or a text, such as {name}='90s'.",
            refusal="argument_duration",
            argument=name,
            given=repr(value),
        )
    return float(value)


def size_of(value: object, name: str) -> int:
    """Bytes of a text with a unit, or of a number of bytes; nobody means 5 bytes by 5. Raises
    `MisuseError` that names the argument."""
    title = f"{name} is a number of bytes, or a text with a unit."
    if isinstance(value, str):
        try:
            return parse_size(value)
        except ValueError as problem:
            raise _misused(
                title, str(problem), refusal="argument_size", argument=name, given=repr(value)
            ) from problem
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _misused(
            title,
            f"It was given as {value!r}.",
            f"Write a text, such as {name}='32GB'.",
            refusal="argument_size",
            argument=name,
            given=repr(value),
        )
    if value > BYTES_MAX:
        raise _misused(
            title,
            "It is more than any machine holds.",
            "Give a smaller one.",
            refusal="argument_huge",
            argument=name,
        )
    if 0 < value < MB:
        raise _misused(
            title,
            f"{value} would be {value} bytes.",
            f"Write a text with its unit, such as {name}='{value}GB'.",
            refusal="argument_without_unit",
            argument=name,
            given=value,
        )
    return value


def _check_text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise _of_another_kind(name, value, "text")


def check_number(name: str, value: Any) -> None:
    """Raises `MisuseError` for what is no whole number, or one that no message holds."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise _of_another_kind(name, value, "whole")
    if abs(value) > NUMBER_MAX:
        raise _misused(
            f"{name} is too large.",
            "No message holds it.",
            "Give a smaller number.",
            refusal="argument_huge",
            argument=name,
        )


def _check_mapping(name: str, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise _of_another_kind(name, value, "mapping")
    for key, content in value.items():
        if not isinstance(key, str):
            raise _of_another_kind(f"a name in {name}", key, "text")
        if isinstance(content, str):
            continue
        if name == "secrets":
            # What a secret is stands in no message.
            raise _misused(
                f"{name}[{key!r}] is a text.",
                "It was given as something else.",
                "Write a text.",
                refusal="argument_kind",
                argument=f"{name}[{key!r}]",
                what="text",
            )
        raise _of_another_kind(f"{name}[{key!r}]", content, "text")


_KINDS = {
    "text": "a text",
    "whole": "a whole number",
    "switch": "True or False",
    "mapping": "a dict of names and texts",
}


def _of_another_kind(name: str, value: Any, kind: str) -> LanherdError:
    said = _KINDS[kind]
    return _misused(
        f"{name} is {said}.",
        f"It was given as {value!r}.",
        f"Write {said}.",
        refusal="argument_kind",
        argument=name,
        what=kind,
        given=repr(value),
    )


def _misused(
    title: str, why: str, remedy: str = "", *, refusal: str, **data: str | int
) -> LanherdError:
    return error(ErrorCode.INVALID_REQUEST, title, why, remedy, refusal=refusal, **data)
