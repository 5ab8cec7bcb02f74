"""The tables of the READMEs name every fact of constraints and every rule, and no other."""

import re
from pathlib import Path

from lanherd_protocol.constraint_facts import FACTS
from lanherd_protocol.constraints import parse
from lanherd_protocol.rules_check import KEYS, SHARE_KEYS

ROOT = Path(__file__).parents[3]


def table(text: str, title: str) -> list[list[str]]:
    """The cells of the table whose first column has this title."""
    _, _, rest = text.partition(f"\n| {title} |")
    rows = [line for line in rest.partition("\n\n")[0].splitlines()[2:] if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def test_every_fact_is_listed_with_an_example_that_is_read() -> None:
    rows = table((ROOT / "README.md").read_text(), "fact")
    listed = [name for row in rows for name in re.findall(r"`(\w+)`", row[0])]
    assert sorted(listed) == sorted(FACTS)
    for row in rows:
        example = parse(row[2].strip("`"))
        assert example.names & set(re.findall(r"`(\w+)`", row[0]))


def test_every_rule_is_listed() -> None:
    rows = table((ROOT / "agent/README.md").read_text(), "key")
    listed = {name for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    assert listed == set(KEYS)
    assert all(f"`{name}`" in rows[-1][1] for name in SHARE_KEYS)
