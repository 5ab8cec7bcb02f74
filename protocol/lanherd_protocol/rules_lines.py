"""Where the keys of a TOML text are, which `tomllib` doesn't tell.

Only for texts that `tomllib` has read: what is no TOML isn't looked for here. A key inside an
inline table is found where the table is.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

KeyPath = tuple[str, ...]


class RulesEditError(ValueError):
    """Why a rule can't be changed by itself; `data` names it as `refusal`, and has its values."""

    def __init__(self, text: str, *, refusal: str, **data: str) -> None:
        super().__init__(text)
        self.data = {"refusal": refusal, **data}


_NAME = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_BARE = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_PATH = rf"({_NAME}(?:[ \t]*\.[ \t]*{_NAME})*)[ \t]*"
_STATEMENT = re.compile(rf"[ \t]*(?:\[\[?[ \t]*{_PATH}\]|{_PATH}=)?")
_REST = re.compile(
    r"""
      "{3}(?:[^\\]|\\.)*?"{3,5} | '{3}.*?'{3,5} | "(?:[^"\\]|\\.)*" | '[^']*'
    | \#[^\n]* | (?P<open>[\[{]) | (?P<close>[\]}]) | (?P<line>\n) | [^"'\#\[\]{}\n]+
    """,
    re.VERBOSE | re.DOTALL,
)


def key_path(text: str) -> KeyPath:
    """The names in a dotted key as TOML writes it, such as `users."a.b".gpus_max`.

    Raises RulesEditError for what is no key.
    """
    if not re.fullmatch(_PATH, text.strip()):
        raise RulesEditError(f"{text!r} is no key.", refusal="no_key", key=text)
    return _names(text)


def lines_of(text: str) -> dict[KeyPath, int]:
    """The line, from 1, on which each key and each table is first named."""
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    at, line = 0, 1
    for header, key, end in _statements(text):
        if header:
            table = header
        path = (*table, *key)
        for depth in range(1, len(path) + 1):
            lines.setdefault(path[:depth], line)
        line += text.count("\n", at, end)
        at = end
    return lines


def head_end(text: str) -> int:
    """Where the last rule before the first table ends; 0 if a table or nothing comes first."""
    last = 0
    for header, key, end in _statements(text):
        if header:
            break
        if key:
            last = end
    return last


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """The line of a key, or of the nearest table around it."""
    return next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), 1)


def _statements(text: str) -> Iterator[tuple[KeyPath, KeyPath, int]]:
    """Each line, or the several of one value: the table that begins there, or the key, or none of
    both, and where it ends."""
    at = 0
    while at < len(text):
        found = _STATEMENT.match(text, at)
        assert found is not None, "it matches nothing too"
        header, key = (() if dotted is None else _names(dotted) for dotted in found.groups())
        at = _end(text, found.end())
        yield header, key, at


def _end(text: str, at: int) -> int:
    """Behind the newline that ends a statement: one that is in no string and no bracket."""
    depth = 0
    while found := _REST.match(text, at):
        at = found.end()
        if found["open"]:
            depth += 1
        elif found["close"]:
            depth -= 1
        elif found["line"] and depth <= 0:
            break
    return at


def _names(dotted: str) -> KeyPath:
    if _BARE.fullmatch(dotted):
        return tuple(dotted.split("."))
    names: list[str] = []
    inner: Any = tomllib.loads(f"{dotted} = 0")
    while isinstance(inner, dict):
        [(name, inner)] = inner.items()
        names.append(name)
    return tuple(names)
