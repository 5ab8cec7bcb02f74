"""What a constraint is once it was read: comparisons, joined by and, or and not.

A comparison with a fact that isn't known is false, whatever its operator is; so `not sm >= 80`
holds where `sm` isn't known, and `sm < 80` does not.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, assert_never

from lanherd_protocol.constraint_facts import FACTS, FactKind, Facts, FactValue

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "~", "!~"]
Version = tuple[int, ...]
Wanted = int | str | Version

OPPOSITES: dict[Operator, Operator] = {
    "=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "~": "!~", "!~": "~",
}  # fmt: skip
_ORDERS: dict[Operator, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
UNITS: dict[str, int] = {"TB": 1024**4, "GB": 1024**3, "MB": 1024**2, "KB": 1024, "B": 1}


class Miss(NamedTuple):
    """One comparison that a GPU fails: its fact, what it is (None: not known), and what is wanted
    of it. Sizes are bytes, versions are text."""

    fact: str
    actual: FactValue
    operator: Operator
    wanted: int | str

    def __str__(self) -> str:
        """In words, such as 'sm is 75, needs >= 80'."""
        kind = FACTS[self.fact].kind
        actual = "not known" if self.actual is None else _in_words(kind, self.actual)
        return f"{self.fact} is {actual}, needs {self.operator} {_in_words(kind, self.wanted)}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One fact beside one value."""

    fact: str
    operator: Operator
    wanted: Wanted

    def holds(self, facts: Facts) -> bool:
        actual = facts.get(self.fact)
        if actual is None:
            return False
        if isinstance(self.wanted, str):
            return isinstance(actual, str) and _text_holds(self.operator, actual, self.wanted)
        if isinstance(self.wanted, tuple):
            version = _as_version(actual, len(self.wanted))
            return version is not None and _ORDERS[self.operator](version, self.wanted)
        return not isinstance(actual, str) and _ORDERS[self.operator](actual, self.wanted)

    def miss(self, facts: Facts, *, negated: bool) -> Miss:
        wanted = version_text(self.wanted) if isinstance(self.wanted, tuple) else self.wanted
        op = OPPOSITES[self.operator] if negated else self.operator
        return Miss(self.fact, facts.get(self.fact), op, wanted)

    def __str__(self) -> str:
        return f"{self.fact} {self.operator} {_written(self.fact, self.wanted)}"


@dataclass(frozen=True, slots=True)
class Not:
    part: "Node"

    def holds(self, facts: Facts) -> bool:
        return not self.part.holds(facts)

    def __str__(self) -> str:
        inner = str(self.part)
        return f"not ({inner})" if isinstance(self.part, And | Or) else f"not {inner}"


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple["Node", ...]

    def holds(self, facts: Facts) -> bool:
        return all(part.holds(facts) for part in self.parts)

    def __str__(self) -> str:
        return " and ".join(
            f"({part})" if isinstance(part, And | Or) else str(part) for part in self.parts
        )


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple["Node", ...]

    def holds(self, facts: Facts) -> bool:
        return any(part.holds(facts) for part in self.parts)

    def __str__(self) -> str:
        return " or ".join(
            f"({part})" if isinstance(part, Or) else str(part) for part in self.parts
        )


Node = Comparison | Not | And | Or


def misses(node: Node, facts: Facts, *, negated: bool = False) -> tuple[Miss, ...]:
    """The comparisons because of which a node does not hold (`negated`: because of which it does),
    in the order in which they are written; empty if it holds (does not)."""
    if node.holds(facts) is not negated:
        return ()
    match node:
        case Comparison():
            return (node.miss(facts, negated=negated),)
        case Not():
            return misses(node.part, facts, negated=not negated)
        case And() | Or():
            found = (misses(part, facts, negated=negated) for part in node.parts)
            return tuple(dict.fromkeys(miss for part in found for miss in part))
        case _:
            assert_never(node)


def names(node: Node) -> frozenset[str]:
    """The facts that a node asks for."""
    match node:
        case Comparison():
            return frozenset({node.fact})
        case Not():
            return names(node.part)
        case And() | Or():
            return frozenset().union(*(names(part) for part in node.parts))
        case _:
            assert_never(node)


def version_text(version: Version) -> str:
    return ".".join(map(str, version))


def _written(fact: str, wanted: Wanted) -> str:
    if isinstance(wanted, tuple):
        return version_text(wanted)
    if isinstance(wanted, str):
        escaped = wanted.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if FACTS[fact].kind != "size":
        return str(wanted)
    unit, size = next((unit, size) for unit, size in UNITS.items() if not wanted % size)
    return f"{wanted // size}{unit}"


def _in_words(kind: FactKind, value: str | int | float) -> str:
    if isinstance(value, str):
        return value if kind == "version" else f'"{value}"'
    if kind == "size":
        unit, size = next((u, size) for u, size in UNITS.items() if value >= size or size == 1)
        return f"{round(value / size, 1):g} {unit}"
    return f"{value:g}"


def _as_version(actual: str | float, parts: int) -> Version | None:
    """The first `parts` numbers of a version; what is beyond them doesn't matter to somebody who
    asked for fewer: 550.54 is neither above nor below 550."""
    numbers: list[int] = []
    for text in str(actual).split(".")[:parts]:
        if not (text.isascii() and text.isdigit()):
            break
        numbers.append(int(text))
    if not numbers:
        return None
    return tuple(numbers) + (0,) * (parts - len(numbers))


def _text_holds(op: Operator, actual: str, wanted: str) -> bool:
    actual, wanted = actual.casefold(), wanted.casefold()
    match op:
        case "=":
            return actual == wanted
        case "!=":
            return actual != wanted
        case "~":
            return _contains(actual, wanted)
        case "!~":
            return not _contains(actual, wanted)
        case "<" | "<=" | ">" | ">=":
            return False
        case _:
            assert_never(op)


def _contains(text: str, pattern: str) -> bool:
    """Whether the pattern occurs anywhere in the text; `*` is any text and `?` any character.

    Not a regular expression: the leftmost place for each piece in turn is enough, so that no
    pattern can take long.
    """
    at = 0
    for piece in pattern.split("*"):
        at = _find(text, piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


def _find(text: str, piece: str, start: int) -> int:
    if "?" not in piece:
        return text.find(piece, start)
    for at in range(start, len(text) - len(piece) + 1):
        if all(want in ("?", have) for want, have in zip(piece, text[at:], strict=False)):
            return at
    return -1
