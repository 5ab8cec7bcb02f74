"""Constraints: what a run asks of its GPUs and their machine, as one writes it.

    vram >= 20GB and sm >= 80 and name ~ "A100"
    not (machine = "attic" or name ~ GTX*)

Facts are those of `constraint_facts.FACTS`. `= != < <= > >=` compare numbers, sizes (20GB, 512MB)
and versions (12.4, of which only as many numbers count as were written); sm is written 86 or 8.6.
`= !=` and `~ !~` compare text, where `~` means that it occurs anywhere, with `*` for any text and
`?` for any character. Capitals make no difference. `and` binds stronger than `or`. A comparison
with a fact that isn't known is false. Text with spaces is quoted.
"""

import difflib
import re
from dataclasses import dataclass
from typing import NamedTuple, NoReturn, cast

from lanherd_protocol.constraint_facts import FACTS, FactKind, Facts
from lanherd_protocol.constraint_tree import (
    UNITS,
    And,
    Comparison,
    Miss,
    Node,
    Not,
    Operator,
    Or,
    Version,
    Wanted,
    misses,
    names,
)
from lanherd_protocol.errors import ErrorCode, error

CONSTRAINT_CHARS_MAX = 4096
CONSTRAINT_DEPTH_MAX = 32
"""Parentheses and 'not' inside each other."""
_NUMBER_MAX = 1 << 62
_CAPABILITY_MIN = 20
_CAPABILITY_MAX = 999
"""No GPU that a driver of today knows is below 2.0; 10 to 19 are written by who means 10.0 on."""
_SHOWN_CHARS = 60

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<operator> == | != | <= | >= | !~ | = | < | > | ~ )
    | (?P<open> \( )
    | (?P<close> \) )
    | (?P<word> [\w.*?:+/-]+ )
    | (?P<text> "(?:[^"\\]|\\.)*" | '(?:[^'\\]|\\.)*' )
    | (?P<end> \Z )
    )""",
    re.VERBOSE | re.DOTALL,
)
_KEYWORDS = ("and", "or", "not")
_ELSEWHERE = {
    "free": "Free VRAM is asked for with --vram.",
    "gpus": "The number of GPUs is asked for with --gpus.",
    "count": "The number of GPUs is asked for with --gpus.",
}
_OTHER_SPELLINGS = {"&": "and", "|": "or", "!": "not", ",": "and", ";": "and"}
_NUMBER = re.compile(r"([+-]?)(\d+)(\.\d*)?(\w*)", re.ASCII)
_VERSION = re.compile(r"\d{1,9}(?:\.\d{1,9}){0,3}", re.ASCII)
_FACTORS = UNITS | {unit[0]: size for unit, size in UNITS.items()}
_FACTORS |= {f"{unit[0]}IB": size for unit, size in UNITS.items() if size > 1}
_KINDS: dict[FactKind, tuple[str, tuple[Operator, ...]]] = {
    "size": ("a size, such as 20GB", ("=", "!=", "<", "<=", ">", ">=")),
    "whole": ("a whole number", ("=", "!=", "<", "<=", ">", ">=")),
    "version": ("a version, such as 12.4", ("=", "!=", "<", "<=", ">", ">=")),
    "text": ("text", ("=", "!=", "~", "!~")),
}


@dataclass(frozen=True, slots=True)
class Constraint:
    """A constraint that was read. `str()` writes it so that it reads as the same one again."""

    root: Node

    def matches(self, facts: Facts) -> bool:
        """Whether a GPU with these facts (`gpu_facts`) is one that the run may get."""
        return self.root.holds(facts)

    def misses(self, facts: Facts) -> tuple[Miss, ...]:
        """Which comparisons a GPU fails, each of which says so in words; none if it matches."""
        return misses(self.root, facts)

    @property
    def names(self) -> frozenset[str]:
        """The facts that it asks for."""
        return names(self.root)

    def __str__(self) -> str:
        return str(self.root)


def parse(text: str) -> Constraint:
    """Read a constraint.

    Raises LanherdError INVALID_REQUEST that names the column (counted from 1), shows the text with
    a caret below the place, and says what was expected. `data` has `column`, `refusal` for the kind
    of the slip, and what was found and expected; of an unknown fact `fact` and `nearest`.
    """
    if len(text) > CONSTRAINT_CHARS_MAX:
        raise error(
            ErrorCode.INVALID_REQUEST,
            "The constraint is too long.",
            f"It has {len(text)} characters; {CONSTRAINT_CHARS_MAX} are the most.",
            "Write less of it, or give the run several machines to choose from.",
            refusal="constraint_long",
            column=CONSTRAINT_CHARS_MAX + 1,
            characters=len(text),
            characters_max=CONSTRAINT_CHARS_MAX,
        )
    return Constraint(_Reader(text).read())


class _Token(NamedTuple):
    kind: str
    text: str
    at: int

    @property
    def keyword(self) -> str:
        folded = self.text.lower()
        return folded if self.kind == "word" and folded in _KEYWORDS else ""

    @property
    def shown(self) -> str:
        if self.kind == "end":
            return "the end"
        return f"'{_cut(self.text)}'"

    @property
    def found(self) -> str:
        """What is there, for `data`; empty: the end."""
        return "" if self.kind == "end" else _cut(self.text)


class _Reader:
    """Recursive descent; one method for each rule of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._depth = 0
        self._next = self._scan(0)

    def read(self) -> Node:
        node = self._any()
        token = self._next
        if token.kind == "end":
            return node
        if token.kind == "close":
            self._refuse(
                token, "This ')' has no '(' before it.", "Take it away.", refusal="never_opened"
            )
        remedy = ""
        if token.kind in ("word", "text") and not token.keyword:
            remedy = 'Text with spaces is written in quotes: name ~ "RTX 3090".'
        what = f"Expected 'and', 'or' or the end, found {token.shown}."
        refusal = "text_in_parts" if remedy else "not_joined"
        self._refuse(token, what, remedy, refusal=refusal, found=token.found)

    def _any(self) -> Node:
        parts = [self._all()]
        while self._next.keyword == "or":
            self._take()
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all(self) -> Node:
        parts = [self._one()]
        while self._next.keyword == "and":
            self._take()
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _one(self) -> Node:
        token = self._next
        if token.keyword != "not" and token.kind != "open":
            return self._comparison()
        self._depth += 1
        if self._depth > CONSTRAINT_DEPTH_MAX:
            self._refuse(
                token,
                f"More than {CONSTRAINT_DEPTH_MAX} parentheses or 'not' are inside each other.",
                "Write it flatter.",
                refusal="too_deep",
                depth_max=CONSTRAINT_DEPTH_MAX,
            )
        self._take()
        node = Not(self._one()) if token.keyword else self._group(token)
        self._depth -= 1
        return node

    def _group(self, opened: _Token) -> Node:
        node = self._any()
        if self._next.kind == "end":
            self._refuse(
                opened,
                "This '(' is never closed.",
                "Put a ')' where it ends.",
                refusal="never_closed",
            )
        if self._next.kind != "close":
            what = f"Expected 'and', 'or' or ')', found {self._next.shown}."
            self._refuse(self._next, what, refusal="not_joined_inside", found=self._next.found)
        self._take()
        return node

    def _comparison(self) -> Comparison:
        token = self._next
        if token.kind != "word" or token.keyword:
            self._refuse(
                token,
                f"Expected a fact, found {token.shown}.",
                _known(),
                refusal="fact_expected",
                found=token.found,
                facts=", ".join(FACTS),
            )
        fact = token.text.lower()
        if fact not in FACTS:
            self._refuse_fact(token)
        self._take()
        op = self._operator(fact)
        return Comparison(fact, op, self._wanted(fact))

    def _operator(self, fact: str) -> Operator:
        token = self._next
        what, operators = _KINDS[FACTS[fact].kind]
        usable = " ".join(operators)
        if token.kind != "operator":
            self._refuse(
                token,
                f"Expected one of {usable} after {fact}, found {token.shown}.",
                refusal="operator_expected",
                fact=fact,
                operators=usable,
                found=token.found,
            )
        op = cast(Operator, "=" if token.text == "==" else token.text)
        if op not in operators:
            self._refuse(
                token,
                f"{fact} is {what}, so {op} can't compare it.",
                f"Use one of {usable}.",
                refusal="other_operator",
                fact=fact,
                what=FACTS[fact].kind,
                operator=op,
                operators=usable,
            )
        self._take()
        return op

    def _wanted(self, fact: str) -> Wanted:
        token = self._next
        kind = FACTS[fact].kind
        what = _KINDS[kind][0]
        if token.kind not in ("word", "text") or token.keyword:
            remedy = f"If {token.shown} is the text, put it in quotes." if token.keyword else ""
            self._refuse(
                token,
                f"Expected {what}, to compare {fact} with; found {token.shown}.",
                remedy,
                refusal="keyword_as_value" if remedy else "value_expected",
                fact=fact,
                what=kind,
                found=token.found,
            )
        if kind != "text" and token.kind == "text":
            self._refuse(
                token,
                f"{fact} is {what}, and this is text.",
                "Write it without the quotes.",
                refusal="quoted_value",
                fact=fact,
                what=kind,
            )
        self._take()
        if kind == "text":
            return _unquoted(token)
        if kind == "version":
            return self._version(fact, token)
        return self._number(fact, token)

    def _version(self, fact: str, token: _Token) -> Version:
        if not _VERSION.fullmatch(token.text):
            self._refuse(
                token,
                f"{token.shown} is not a version.",
                f"Write {fact} >= 12.4.",
                refusal="no_version",
                fact=fact,
                found=token.found,
            )
        return tuple(map(int, token.text.split(".")))

    def _number(self, fact: str, token: _Token) -> int:
        kind = FACTS[fact].kind
        found = _NUMBER.fullmatch(token.text)
        if found is None:
            self._refuse(
                token,
                f"{fact} is {_KINDS[kind][0]}, and {token.shown} is none.",
                refusal="no_number",
                fact=fact,
                what=kind,
                found=token.found,
            )
        sign, whole, decimals, unit = found.groups(default="")
        if sign == "-":
            self._refuse(
                token,
                f"{fact} is never negative.",
                "Take the minus away.",
                refusal="never_negative",
                fact=fact,
            )
        if not unit and self._next.kind == "word" and self._next.text.upper() in _FACTORS:
            unit = self._take().text
        if kind == "size":
            value = self._bytes(token, whole + decimals, unit)
        elif unit:
            number = f"{whole}{decimals}"
            self._refuse(
                token,
                f"{fact} has no unit.",
                f"Write {number}.",
                refusal="unit_of_none",
                fact=fact,
                number=_cut(number),
            )
        elif fact == "sm" and decimals:
            value = self._capability(token, whole, decimals)
        elif decimals.strip(".0"):
            self._refuse(token, f"{fact} is a whole number.", refusal="no_part_of_one", fact=fact)
        else:
            value = int(whole)
        if value > _NUMBER_MAX:
            self._refuse(
                token,
                f"{token.shown} is more than any machine has.",
                refusal="above_all",
                found=token.found,
            )
        if fact == "sm":
            self._check_capability(token, value)
        return value

    def _capability(self, token: _Token, whole: str, decimals: str) -> int:
        """Of a compute capability with its dot: 8.6 is 86, and 9.0 is 90."""
        if len(decimals) != 2:
            self._refuse_capability(token, "Write 8.6, or 86.", "86 (8.6)")
        return int(whole + decimals[1])

    def _check_capability(self, token: _Token, value: int) -> None:
        """Whoever writes 9 means 9.0, which is true of far fewer GPUs; 0 is below them all."""
        if 0 < value < _CAPABILITY_MIN:
            meant = f"{value * 10} ({value}.0)"
            self._refuse_capability(token, f"Did you mean {meant}?", meant)
        if value > _CAPABILITY_MAX:
            self._refuse_capability(token, "Write 90, or 9.0.", "90 (9.0)")

    def _refuse_capability(self, token: _Token, remedy: str, example: str) -> NoReturn:
        self._refuse(
            token,
            f"{token.shown} is no compute capability.",
            remedy,
            refusal="no_capability",
            found=token.found,
            example=example,
        )

    def _bytes(self, token: _Token, number: str, unit: str) -> int:
        factor = _FACTORS.get(unit.upper()) if unit else 1
        if factor is None:
            self._refuse(
                token,
                f"'{_cut(unit)}' is no unit of a size.",
                f"Units: {_units()}.",
                refusal="no_unit",
                unit=_cut(unit),
                units=_units(),
            )
        # A whole number stays exact; a fraction of a byte is nothing.
        value = int(number) * factor if number.isdigit() else min(float(number) * factor, 1e30)
        if not unit and 0 < value < UNITS["MB"]:
            self._refuse(
                token,
                f"{token.shown} has no unit.",
                f"Write {_cut(number)}GB.",
                refusal="unit_left_out",
                found=token.found,
                example=f"{_cut(number)}GB",
            )
        return round(value)

    def _take(self) -> _Token:
        token = self._next
        self._next = self._scan(token.at + len(token.text))
        return token

    def _scan(self, start: int) -> _Token:
        found = _TOKEN.match(self._text, start)
        if found is not None and found.lastgroup is not None:
            kind = found.lastgroup
            return _Token(kind, found[kind], found.start(kind))
        rest = self._text[start:].lstrip()
        token = _Token("odd", rest[:1], len(self._text) - len(rest))
        if token.text in ("'", '"'):
            self._refuse(
                token,
                "This quote is never closed.",
                "Close it where the text ends.",
                refusal="open_quote",
            )
        what, meant = f"{token.shown} has no meaning here.", _OTHER_SPELLINGS.get(token.text)
        if meant:
            self._refuse(
                token,
                what,
                f"Write '{meant}'.",
                refusal="other_spelling",
                found=token.found,
                meant=meant,
            )
        remedy = "Text with such characters is written in quotes."
        self._refuse(token, what, remedy, refusal="odd_sign", found=token.found)

    def _refuse_fact(self, token: _Token) -> NoReturn:
        name = token.text.lower()
        nearest = difflib.get_close_matches(name, FACTS, n=1, cutoff=0.5)
        hint = _ELSEWHERE.get(name) or (f"Did you mean {nearest[0]}?" if nearest else "")
        data = {"nearest": nearest[0]} if nearest else {}
        if name in _ELSEWHERE:
            data["option"] = "--vram" if name == "free" else "--gpus"
        self._refuse(
            token,
            f"There is no fact {token.shown}.",
            f"{hint} {_known()}".strip(),
            refusal="no_fact",
            fact=token.found,
            facts=", ".join(FACTS),
            **data,
        )

    def _refuse(
        self,
        token: _Token,
        why: str,
        remedy: str = "",
        /,
        *,
        refusal: str,
        **data: str | int | float,
    ) -> NoReturn:
        column = token.at + 1
        raise error(
            ErrorCode.INVALID_REQUEST,
            f"The constraint can't be read at column {column}.",
            f"{why}\n{_pointed_at(self._text, token.at)}",
            remedy,
            refusal=refusal,
            column=column,
            **data,
        )


def _unquoted(token: _Token) -> str:
    if token.kind == "word":
        return token.text
    return re.sub(r"\\(.)", r"\1", token.text[1:-1], flags=re.DOTALL)


def _pointed_at(text: str, at: int) -> str:
    """The text around a place, and a caret below that; in one line whatever it contains."""
    first = max(0, at - _SHOWN_CHARS)
    part = text[first : at + _SHOWN_CHARS]
    shown = "".join(char if char.isprintable() else " " for char in part)
    return f"  {shown}\n  {' ' * (at - first)}^"


def _cut(text: str) -> str:
    shown = "".join(char if char.isprintable() else " " for char in text[:_SHOWN_CHARS])
    return shown if len(text) <= _SHOWN_CHARS else f"{shown}…"


def _known() -> str:
    return f"Facts: {', '.join(FACTS)}."


def _units() -> str:
    return ", ".join(reversed(UNITS))
