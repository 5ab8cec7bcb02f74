"""The wire is append-only, and the rule that says so finds each kind of change."""

import pytest

from tests.architecture.wire_listing import GOLDEN, listing, parse, problems, widens

OLD = """# heading

union Frame = A | B
method runs.get A -> B
feed runs A -> B

enum Code
  one
  two

struct A tag=a array
  id: int
  what: 'x' | 'y' = 'x'
  parts: tuple[A | B, ...] = ()

struct B
  id: str
"""
CHANGES = {
    "a struct removed": ("struct B\n  id: str\n", "", "struct B is gone"),
    "a field renamed": ("  id: str", "  key: str", "field 1 was 'id: str'"),
    "a field removed": ("  parts: tuple[A | B, ...] = ()\n", "", "is 'nothing'"),
    "a type changed": ("  id: int", "  id: float", "field 1 was 'id: int'"),
    "a type narrowed": ("'x' | 'y' = 'x'", "'x' = 'x'", "field 2"),
    "a member removed inside": ("tuple[A | B, ...]", "tuple[A, ...]", "field 3"),
    "a default changed": ("= 'x'", "= 'y'", "field 2"),
    "a field put in front": ("  id: int", "  at: int = 0\n  id: int", "fields go to the end"),
    "a field without default": ("  id: str", "  id: str\n  at: int", "needs a default"),
    "a tag changed": ("tag=a", "tag=c", "became"),
    "a layout changed": (" array", "", "became"),
    "an enum value removed": ("  two\n", "", "two is gone"),
    "a frame removed": ("= A | B", "= A", "union Frame lost a member"),
    "a reply changed": ("method runs.get A -> B", "method runs.get A -> A", "became"),
    "a feed removed": ("feed runs A -> B\n", "", "feed runs is gone"),
}
ADDITIONS = [
    ("struct B", "struct New\n  id: int\n\nstruct B"),
    ("  id: str", "  id: str\n  at: int | None = None"),
    ("'x' | 'y'", "'x' | 'y' | 'z'"),
    ("tuple[A | B, ...]", "tuple[A | B | C, ...]"),
    ("  id: int", "  id: int | None"),
    ("  two", "  two\n  three"),
    ("= A | B", "= A | B | C"),
    ("feed runs A -> B", "feed runs A -> B\nfeed more A -> B"),
]


def test_the_wire_is_as_accepted() -> None:
    accepted, today = GOLDEN.read_text(), listing()
    assert not problems(accepted, today)
    assert accepted == today, "the wire has grown: run ./dev wire and commit tests/compat/wire.txt"


def test_the_listing_reads_back() -> None:
    entries = parse(listing())
    assert entries["struct Call"].fixed == "tag=call array"
    assert entries["struct Call"].lines[-1] == "credit: int = 0"
    assert entries["method runs.get"].fixed == "GetRun -> RunChanged"
    assert "internal" in entries["enum ErrorCode"].lines


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_found(change: str) -> None:
    old, new, words = CHANGES[change]
    assert old in OLD
    found = problems(OLD, OLD.replace(old, new, 1))
    assert any(words in problem for problem in found), found


@pytest.mark.parametrize(("old", "new"), ADDITIONS)
def test_an_addition_is_accepted(old: str, new: str) -> None:
    assert old in OLD
    assert not problems(OLD, OLD.replace(old, new, 1))


def test_the_same_is_no_change() -> None:
    assert not problems(OLD, OLD)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("int", "int | None", True),
        ("int | None", "int", False),
        ("dict[str, int]", "dict[str, int | str]", True),
        ("dict[str, int]", "tuple[str, int]", False),
        ("tuple[int, int]", "tuple[int, int, int]", False),
        ("dict[str, tuple[int | str, ...]]", "dict[str, tuple[int, ...]]", False),
    ],
)
def test_widening(old: str, new: str, expected: bool) -> None:
    assert widens(old, new) is expected
