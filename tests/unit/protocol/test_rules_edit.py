"""Changes of single rules: what stands around them stays."""

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_protocol.rules_edit import RuleValue, apply_edit, value_at, value_said

TEXT = """\
# The attic.
keep_free = 1   # for the owner
strategy = "pack"

# Students
[users.ada]
gpus_max = 2 # her thesis
"""


def test_comments_and_order_survive() -> None:
    changes: dict[str, RuleValue] = {
        "keep_free": 2,
        "hours": ["18:00-08:00"],
        "users.ada.gpus_max": 3,
        'users."b.c".gpus_min': 1,
    }
    text = apply_edit(TEXT, changes)
    assert (
        text
        == """\
# The attic.
keep_free = 2   # for the owner
strategy = "pack"
hours = ["18:00-08:00"]

# Students
[users.ada]
gpus_max = 3 # her thesis

[users."b.c"]
gpus_min = 1
"""
    )


def test_none_takes_a_rule_and_its_empty_tables_out() -> None:
    text = apply_edit(TEXT, {"users.ada.gpus_max": None, "strategy": None, "tags.x.gpus_max": None})
    assert "users" not in tomllib.loads(text)
    assert text.startswith("# The attic.\nkeep_free = 1   # for the owner\n")
    kept = apply_edit(TEXT + "gpus_min = 1\n", {"users.ada.gpus_max": None})
    assert tomllib.loads(kept)["users"] == {"ada": {"gpus_min": 1}}
    assert apply_edit("", {"backfill": False}) == "backfill = false\n"
    assert apply_edit("", {"tags.t.gpus_max": 1}) == "[tags.t]\ngpus_max = 1\n"


def test_inline_tables_stay_inline() -> None:
    text = apply_edit("users = { ada = { gpus_max = 1 } }\n", {"users.bob.gpus_max": 2})
    assert text == "users = { ada = { gpus_max = 1 }, bob = {gpus_max = 2}}\n"


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        ("a = ", "keep_free", "can't be changed as they are"),
        ("users = 1", "users.ada.gpus_max", "users is no table"),
        ("", "a b", "is no key"),
    ],
)
def test_what_can_not_be_changed_is_said(text: str, key: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        apply_edit(text, {key: 1})


def test_an_edit_that_did_not_take_is_not_given_out() -> None:
    with pytest.raises(ValueError, match="Change it by hand"):
        apply_edit(TEXT, {"vram_share_max": float("nan")})


@pytest.mark.parametrize(
    ("key", "said", "value"),
    [
        ("keep_free", "1", 1),
        ("vram_share_max", "0.9", 0.9),
        ("backfill", "false", False),
        ("strategy", "pack", "pack"),
        ("strategy", '"pack"', "pack"),
        ("quiet_s", "10 s", "10 s"),
        ("quiet_s", "none", None),
        ("gpus", "0, 1", [0, 1]),
        ("gpus", "[0, 'GPU-a']", [0, "GPU-a"]),
        ("gpus", "GPU-a, GPU-b", ["GPU-a", "GPU-b"]),
        ("hours", "sat,sun 00:00-24:00", ["sat,sun 00:00-24:00"]),
        ("hours", "'18:00-08:00'", ["18:00-08:00"]),
        ("hours", "[]", []),
        ("hours", "08:00:00", ["08:00:00"]),
        ("users.ada.gpus_max", "2", 2),
        ("strategy", "1\nkeep_free = 2", "1\nkeep_free = 2"),
        ("strategy", "08:00:00", "08:00:00"),
    ],
)
def test_what_is_typed_behind_a_key(key: str, said: str, value: RuleValue) -> None:
    assert value_said(key, said) == value


def test_what_a_file_says_under_a_key() -> None:
    assert value_at(TEXT, "users.ada.gpus_max") == 2
    assert value_at(TEXT, "keep_free.x") is None
    assert value_at(TEXT, "hours") is None


KEYS = st.sampled_from(
    ["keep_free", "strategy", "gpus", "users.ada.gpus_max", "users.bob.gpus_min", 'tags."a b".x']
)
VALUES = st.none() | st.integers(0, 9) | st.text(max_size=5) | st.lists(st.integers(0, 9))
PARTS = st.sampled_from(
    ["# c", "keep_free = 1 # x", "gpus = [\n 0, # y\n 1\n]", "[users.ada]\ngpus_max = 1",
     "[users]\neve = { gpus_max = 1 }", "[tags]", "[tags.'a b']\nx = 1 # z", ""]
)  # fmt: skip


@given(st.lists(PARTS, max_size=5).map("\n".join), st.dictionaries(KEYS, VALUES, max_size=4))
def test_an_edit_says_what_was_asked_and_keeps_comments(
    text: str, changes: dict[str, RuleValue]
) -> None:
    try:
        edited = apply_edit(text, changes)
    except ValueError:
        return
    for key, value in changes.items():
        assert value_at(edited, key) == value
    if None not in changes.values() and "gpus" not in changes:
        assert edited.count("#") >= text.count("#")


HOURS = """\
hours = [
    # nights
    "18:00-08:00",  # weekdays
    "sat",
    # the owner is away
    "sun",   # all day
]  # the end
gpus = [0, 1] # two
"""


def test_comments_between_the_items_of_a_list_survive() -> None:
    text = apply_edit(HOURS, {"hours": ["19:00-08:00", "fri", "sun", "mon"], "gpus": [0, 1, 2]})
    assert (
        text
        == """\
hours = [
    # nights
    "19:00-08:00",  # weekdays
    "fri",
    # the owner is away
    "sun",   # all day
    "mon",
]  # the end
gpus = [0, 1, 2] # two
"""
    )
    less = apply_edit(HOURS, {"hours": ["sat"], "gpus": []})
    assert (
        less
        == """\
hours = [
    # nights
    "sat",
    # the owner is away
]  # the end
gpus = [] # two
"""
    )
    assert apply_edit(less, {"hours": ["sat", "sun"], "gpus": [3]}).endswith("gpus = [3] # two\n")


names = st.sampled_from(["a", "b, # c", "[d]", 'e"'])


@st.composite
def lists(draw: st.DrawFn) -> tuple[str, int]:
    """A list as somebody writes it, and how many comments have their own line."""
    items = draw(st.lists(names, max_size=4))
    lines, own = ["["], 0
    for number, item in enumerate(items):
        if draw(st.booleans()):
            lines.append(f"  # own {number}")
            own += 1
        comma = "," if number < len(items) - 1 or draw(st.booleans()) else ""
        beside = draw(st.sampled_from(["", " # beside", "  "]))
        lines.append(f"    {json.dumps(item)}{comma}{beside}")
    if draw(st.booleans()):
        lines.append("  # own last")
        own += 1
    return "\n".join([*lines, "]"]), own


@given(lists(), st.lists(names, max_size=4))
def test_however_a_list_is_written_it_can_be_edited(
    written: tuple[str, int], value: list[str]
) -> None:
    text, own = written
    edited = apply_edit(f"# top\nhours = {text} # end\n", {"hours": list(value)})
    assert value_at(edited, "hours") == value
    assert edited.count("# own") == own and edited.startswith("# top\n")
    assert edited.endswith(" # end\n")
