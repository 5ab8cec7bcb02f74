"""The wire as text, and what may change in it: additions only.

`tests/compat/wire.txt` holds the listing that was last accepted. `./dev wire` accepts additions;
it refuses whatever an older peer would read differently. Only what travels is listed: a role or a
docstring may change, a field's name, type, place or default may not.
"""

import enum
import re
import sys
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NewType

import msgspec
from msgspec.structs import FieldInfo

from lanherd_protocol import log_messages, messages
from lanherd_protocol.methods import FEEDS, METHODS
from tests.architecture.source import ROOT

GOLDEN = ROOT / "tests/compat/wire.txt"
HEADER = "# What travels. Additions only; ./dev wire accepts them.\n"


# --- Writing -------------------------------------------------------------------------------------


def listing() -> str:
    """The wire of this checkout."""
    roots: list[Any] = [messages.Frame, messages.ManifestBody, log_messages.LogMatches]
    calls: list[str] = []
    for method in METHODS.values():
        roots += [method.request, method.response]
        flags = [f for f in ("upload", "download") if getattr(method, f)]
        pair = _pair(method.request, method.response)
        calls.append(" ".join(["method", method.name, pair, *flags]))
    for feed in FEEDS.values():
        roots += [feed.params, feed.event]
        calls.append(f"feed {feed.name} {_pair(feed.params, feed.event)}")
    found: dict[str, type] = {}
    for root in roots:
        _reach(root, found)
    blocks = [_block(found[name]) for name in sorted(found)]
    return HEADER + "\n".join(["", f"union Frame = {spell(messages.Frame)}", *calls, "", *blocks])


def _pair(sent: type, answered: type) -> str:
    return f"{sent.__name__} -> {answered.__name__}"


def _reach(kind: Any, found: dict[str, type]) -> None:
    """Add the structs and enums that a value of this type can hold."""
    if isinstance(kind, NewType):
        _reach(kind.__supertype__, found)
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        _add(kind, found)
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if _add(kind, found):
            for field in msgspec.structs.fields(kind):
                _reach(field.type, found)
    else:
        for argument in typing.get_args(kind):
            _reach(argument, found)


def _add(kind: type, found: dict[str, type]) -> bool:
    """Whether it is new here."""
    known = found.get(kind.__name__)
    if known is None:
        found[kind.__name__] = kind
    elif known is not kind:
        raise ValueError(f"two types of the wire are called {kind.__name__}; rename the newer one")
    return known is None


def _block(kind: type) -> str:
    if issubclass(kind, enum.Enum):
        return "\n".join([f"enum {kind.__name__}", *(f"  {value.value}" for value in kind), ""])
    assert issubclass(kind, msgspec.Struct)
    config = kind.__struct_config__
    head = f"struct {kind.__name__}"
    if config.tag is not None:
        head += f" tag={config.tag}"
    if config.array_like:
        head += " array"
    return "\n".join([head, *(f"  {_field(f)}" for f in msgspec.structs.fields(kind)), ""])


def _field(field: FieldInfo) -> str:
    text = f"{field.encode_name}: {spell(field.type)}"
    if field.default is not msgspec.NODEFAULT:
        text += f" = {_default(field.default)}"
    elif field.default_factory is not msgspec.NODEFAULT:
        text += f" = {_default(field.default_factory())}"
    return text


def _default(value: object) -> str:
    # A struct's own fields are listed with it.
    return f"{type(value).__name__}()" if isinstance(value, msgspec.Struct) else repr(value)


def spell(kind: Any) -> str:
    """A type as it is on the wire: a NewType is what it is made of."""
    if isinstance(kind, NewType):
        return spell(kind.__supertype__)
    if kind is None or kind is types.NoneType:
        return "None"
    if kind is Ellipsis:
        return "..."
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(spell(argument) for argument in arguments)
    if origin is typing.Literal:
        return " | ".join(repr(argument) for argument in arguments)
    if origin is not None:
        inside = ", ".join(spell(argument) for argument in arguments)
        return f"{origin.__name__}[{inside}]"
    return str(kind.__name__)


# --- Comparing -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """One struct, enum, method, feed or union: what is fixed about it, and its lines in order."""

    fixed: str
    lines: tuple[str, ...]


def parse(text: str) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for head, *lines in _groups(text):
        kind, name, *rest = head.split(" ", 2)
        entries[f"{kind} {name}"] = Entry(" ".join(rest), tuple(lines))
    return entries


def _groups(text: str) -> Iterator[list[str]]:
    group: list[str] = []
    for line in text.splitlines():
        if not line.startswith("  ") and group:
            yield group
            group = []
        if line and not line.startswith("#"):
            group.append(line.strip())
    if group:
        yield group


def problems(old: str, new: str) -> list[str]:
    """What an older peer would misread; empty where `new` only adds."""
    before, after = parse(old), parse(new)
    found: list[str] = []
    for name, entry in before.items():
        if name not in after:
            found.append(f"{name} is gone; keep it, old peers send it")
        elif name.startswith("union "):
            if not widens(entry.fixed.removeprefix("= "), after[name].fixed.removeprefix("= ")):
                found.append(f"{name} lost a member; keep it, old peers send it")
        else:
            found += _changes(name, entry, after[name])
    return found


def _changes(name: str, old: Entry, new: Entry) -> Iterator[str]:
    if old.fixed != new.fixed:
        yield f"{name}: '{old.fixed}' became '{new.fixed}'; make a new one beside it"
    if name.startswith("enum "):
        yield from (f"{name}: {v} is gone; keep it" for v in old.lines if v not in new.lines)
        return
    for index, line in enumerate(old.lines):
        now = new.lines[index] if index < len(new.lines) else "nothing"
        if not _same_field(line, now):
            yield f"{name}: field {index + 1} was '{line}' and is '{now}'; fields go to the end"
    for line in new.lines[len(old.lines) :]:
        if " = " not in line:
            yield f"{name}: new field '{line}' needs a default, since old peers don't send it"


def _same_field(old: str, new: str) -> bool:
    old_name, old_type, old_default = _split(old)
    new_name, new_type, new_default = _split(new)
    return (old_name, old_default) == (new_name, new_default) and widens(old_type, new_type)


def _split(line: str) -> tuple[str, str, str]:
    name, _, rest = line.partition(": ")
    kind, _, default = rest.partition(" = ")
    return name, kind, default


def widens(old: str, new: str) -> bool:
    """Whether every value of `old` is one of `new`: a union, also inside brackets, may grow."""
    if old == new:
        return True
    old_members, new_members = _members(old), _members(new)
    if len(old_members) > 1 or len(new_members) > 1:
        return all(any(widens(o, n) for n in new_members) for o in old_members)
    old_shape, new_shape = (re.fullmatch(r"(\w+)\[(.*)\]", kind) for kind in (old, new))
    if old_shape is None or new_shape is None or old_shape[1] != new_shape[1]:
        return False
    old_inside, new_inside = _cut(old_shape[2], ", "), _cut(new_shape[2], ", ")
    return len(old_inside) == len(new_inside) and all(map(widens, old_inside, new_inside))


def _members(kind: str) -> list[str]:
    return _cut(kind, " | ")


def _cut(text: str, separator: str) -> list[str]:
    """Split at the separators that are not inside brackets."""
    parts, depth, start = [], 0, 0
    for index, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        if depth == 0 and text.startswith(separator, index):
            parts.append(text[start:index])
            start = index + len(separator)
    return [*parts, text[start:]]


def accept() -> int:
    new = listing()
    found = problems(GOLDEN.read_text(), new) if GOLDEN.exists() else []
    if found:
        print("The wire is append-only:", *found, sep="\n  ", file=sys.stderr)
        return 1
    GOLDEN.write_text(new)
    print(f"{GOLDEN.relative_to(ROOT)} is up to date", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(accept() if sys.argv[1:] == ["--accept"] else "usage: wire_listing --accept")
