"""Rules files: what they mean, and all that can be wrong with them, by line."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_protocol.machine_rules import MachineRules, ShareRule
from lanherd_protocol.rules_check import (
    FINDINGS_MAX,
    KEYS,
    RULES_BYTES_MAX,
    SHARE_KEYS,
    SHARE_TABLES,
    check_rules,
)
from lanherd_protocol.rules_lines import key_path, line_of, lines_of
from lanherd_protocol.rules_messages import RuleFinding

GPUS = {0: "GPU-a", 1: "GPU-b", 2: "GPU-c"}
FULL = """
# The rules of the attic.
gpus = [0, "GPU-b", 2]   # not the fourth
keep_free = 1
strategy = "most_free"
exclusive_by_default = true
vram_share_max = 0.9
beside_others = "wait"
quiet_s = "1 min 30 s"
temperature_c_max = 85
power_w_max = 1200.5
runs_at_once_max = 8
hours = ["18:00-08:00", "sat 00:00-24:00"]
over_use = "stop"
failures_max = 0
failures_backoff_s = 60
backfill = false
ageing_s = "5min"
fair_share = false
fair_share_half_life_s = "1 day"

[users.ada]
gpus_min = 1
gpus_max = 2
[tags]
"night shift" = { gpus_max = 1 }
"""


def found(text: str, gpus: dict[int, str] | None = None) -> RuleFinding:
    checked = check_rules(text, gpus)
    assert checked.rules is None
    [finding] = checked.findings
    return finding


def test_a_whole_file_is_taken() -> None:
    checked = check_rules(FULL, GPUS)
    assert checked.findings == ()
    assert checked.rules == MachineRules(
        gpus=(0, "GPU-b", 2), keep_free=1, strategy="most_free", exclusive_by_default=True,
        vram_share_max=0.9, beside_others="wait", quiet_s=90.0, temperature_c_max=85.0,
        power_w_max=1200.5, runs_at_once_max=8, hours=("18:00-08:00", "sat 00:00-24:00"),
        over_use="stop", failures_max=0, failures_backoff_s=60.0, backfill=False, ageing_s=300.0,
        fair_share=False, fair_share_half_life_s=86_400.0,
        users={"ada": ShareRule(gpus_min=1, gpus_max=2)},
        tags={"night shift": ShareRule(gpus_max=1)},
    )  # fmt: skip


def test_every_rule_has_a_key() -> None:
    assert {*KEYS, *SHARE_TABLES} == set(MachineRules.__struct_fields__)
    assert set(SHARE_KEYS) == set(ShareRule.__struct_fields__)
    example = "\n".join(f"{name} = {key.example}" for name, key in KEYS.items())
    assert check_rules(example).findings == ()


def test_nothing_said_is_all_defaults() -> None:
    assert check_rules("# nothing\n", GPUS).rules == MachineRules()
    assert check_rules('hours = "18:00-08:00"').rules == MachineRules(hours=("18:00-08:00",))


@pytest.mark.parametrize(
    ("text", "line", "key", "code", "says", "remedy"),
    [
        ("a = 1\nb = = 2", 2, "", "syntax", "at column 5: invalid value", "key = value"),
        ("a = 1\n[b", 2, "", "syntax", "This is no TOML", "key = value"),
        ('a = """\nb\n\n', 2, "", "syntax", "unterminated", "key = value"),
        ("a = 1\na = 2", 2, "", "syntax", "a is written a second time", "one of the two"),
        ("[users.ada]\ngpus_max = 1\n[users.ada]", 3, "", "syntax",
         "[users.ada] is written a second time.", "Keep one [users.ada]"),
        ('[tags."a\'b c"]\n[tags."a\'b c"]', 2, "", "syntax",
         '[tags."a\'b c"] is written a second time.', "Keep one [tags."),
        ("[users]\n[[users]]", 2, "", "syntax", "This is no TOML", "key = value"),
        ("[users]\nada = 1\nada.x = 2", 3, "", "syntax", "cannot", "key = value"),
        ("a = " + "[" * 20_000, 1, "", "syntax", "too deep", "key = value"),
        ("keep_free = 0\nkeepfree = 1", 2, "keepfree", "unknown_key", "no rule keepfree",
         "Did you mean keep_free?"),
        ("zzz = 1", 1, "zzz", "unknown_key", "no rule zzz", "Rules: gpus, keep_free,"),
        ("\nkeep_free = '1'", 2, "keep_free", "wrong_value", "this is the text '1'",
         "Write keep_free = 1, say."),
        ("keep_free = -1", 1, "keep_free", "wrong_value", "from 0 to 64; this is -1", ""),
        ("keep_free = true", 1, "keep_free", "wrong_value", "this is true", ""),
        ("keep_free = 1.5", 1, "keep_free", "wrong_value", "this is 1.5", ""),
        ("strategy = 'best'", 1, "strategy", "wrong_value", "pack, spread, coolest, most_free", ""),
        ("backfill = 1", 1, "backfill", "wrong_value", "true or false; this is 1", ""),
        ("vram_share_max = 0", 1, "vram_share_max", "wrong_value", "above 0, up to 1", ""),
        ("vram_share_max = 90", 1, "vram_share_max", "wrong_value", "above 0, up to 1", ""),
        ("vram_share_max = nan", 1, "vram_share_max", "wrong_value", "this is nan", ""),
        ("temperature_c_max = '85C'", 1, "temperature_c_max", "wrong_value", "degrees", "= 85"),
        ("quiet_s = '10 parsecs'", 1, "quiet_s", "wrong_value", "a time with its unit", '"10 s"'),
        ("quiet_s = -1", 1, "quiet_s", "wrong_value", "this is -1", ""),
        ("ageing_s = 0", 1, "ageing_s", "wrong_value", "at least 1 s", ""),
        ("gpus = 0", 1, "gpus", "wrong_value", "a list of indices", "[0, 1]"),
        ("gpus = [true]", 1, "gpus", "wrong_value", "a list with true", ""),
        ("gpus = [[], '']", 1, "gpus", "wrong_value", "a list with nothing in it", ""),
        ("hours = ['25:00-08:00']", 1, "hours", "wrong_value", "25:00 is no time of day", ""),
        ("hours = [8]", 1, "hours", "wrong_value", "a list of times", ""),
        ("hours = 08:00:00", 1, "hours", "wrong_value", "this is 08:00:00", ""),
        ("users = 3", 1, "users", "wrong_value", "a table of up to 256 names", "[users.NAME]"),
        ("[users]\ngpus_max = 1", 2, "users.gpus_max", "wrong_value", "is a table; this is 1",
         "whose share"),
        ("[users]\nada = 1", 2, "users.ada", "wrong_value", "is a table", "{ gpus_max = 2 }"),
        ("[users.ada]\n\ngpu_max = 1", 3, "users.ada.gpu_max", "unknown_key", "no rule",
         "gpus_max"),
        ("[tags.'a \"b\"']\ngpus_min = {}", 2, 'tags."a \\"b\\"".gpus_min', "wrong_value",
         "this is a table", ""),
        ("[users.ada]\ngpus_min = 2\ngpus_max = 1", 2, "users.ada.gpus_min", "contradiction",
         "gpus_min is 2, more than gpus_max, 1", "Lower gpus_min"),
        ("gpus = [0, 1]\nkeep_free = 2", 2, "keep_free", "contradiction",
         "no run would ever get one", "Keep 1 free at most"),
        ("gpus = []\nkeep_free = 1", 2, "keep_free", "contradiction", "may use 0 GPUs", "Keep 0"),
        ("gpus = [1, 1]", 1, "gpus", "contradiction", "names GPU 1 twice", "once"),
        ("gpus = [0,1]\nkeep_free = 1\nusers.a.gpus_min = 1\nusers.b.gpus_min = 1\n"
         "users.c.gpus_max = 1", 4, "users.b.gpus_min", "contradiction",
         "of all users together is 2, and Lanherd has 1 GPUs", "Lower"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line_and_remedy(
    text: str, line: int, key: str, code: str, says: str, remedy: str
) -> None:
    finding = found(text)
    assert (finding.line, finding.key, finding.code) == (line, key, code)
    assert says in finding.text
    assert remedy in finding.remedy


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gpus = [0, 7]", "This machine has no GPU 7"),
        ("gpus = ['GPU-x']", "This machine has no GPU GPU-x"),
        ("gpus = [0, 'GPU-a']", "names GPU GPU-a twice"),
        ("keep_free = 3", "may use 3 GPUs"),
        ("[tags.t]\ngpus_min = 4", "of all tags together is 4, and Lanherd has 3 GPUs"),
    ],
)
def test_what_only_the_machine_knows_is_looked_at_there(text: str, says: str) -> None:
    assert says in found(text, GPUS).text
    assert check_rules(text).findings == ()
    assert check_rules(text, {}).findings == ()


def test_a_gpu_of_rules_that_hold_may_be_lost() -> None:
    assert check_rules("gpus = [0, 7]", GPUS, held=(0, 7)).findings == ()


def test_all_findings_come_at_once_by_line_and_none_without_end() -> None:
    text = "[users.a]\nx = 1\n[tags.a]\ny = 1\n[users.b]\nz = 2"
    assert [finding.line for finding in check_rules(text).findings] == [2, 4, 6]
    many = "\n".join(f"zz{number} = 1" for number in range(1000))
    assert len(check_rules(many).findings) == FINDINGS_MAX


def test_too_large_a_file_is_not_read() -> None:
    finding = found("#" * (RULES_BYTES_MAX + 1))
    assert finding.code == "unreadable"
    assert str(RULES_BYTES_MAX) in finding.text


def test_a_key_of_thousands_of_names_is_refused_at_once() -> None:
    finding = found("keep_free = 1\n" + "a." * 30_000 + "a = 1")
    assert (finding.line, finding.code) == (2, "syntax")
    assert "dots" in finding.text
    assert check_rules("# " + "." * 1000).findings == ()


def test_long_and_odd_values_are_cut() -> None:
    text = found(f'strategy = "{"x" * 500}\\u0007"').text
    assert len(text) < 150
    assert found('strategy = "a\\u0007b"').text.endswith("this is the text 'a b'.")


# --- Lines ---------------------------------------------------------------------------------------


def test_lines_are_found_whatever_stands_between() -> None:
    text = (
        "# a = 1\n"
        'b = """\nc = 1\n\\"""" # d\n'
        "e = [\n  1, # ]\n  '[',\n]\n"
        "f = { g = '''\n''' }\r\n"
        "\n"
        "[ h . 'i.j' ]\n"
        "k.l = 2\n"
        "[[m]]\nn = 3"
    )
    assert set(tomllib.loads(text)) == {"b", "e", "f", "h", "m"}
    lines = lines_of(text)
    assert lines == {
        ("b",): 2, ("e",): 5, ("f",): 9, ("h",): 12, ("h", "i.j"): 12, ("h", "i.j", "k"): 13,
        ("h", "i.j", "k", "l"): 13, ("m",): 14, ("m", "n"): 15,
    }  # fmt: skip
    assert line_of(lines, ("f", "g")) == 9
    assert line_of(lines, ("zzz",)) == 1


@pytest.mark.parametrize("text", ["", "a b", "a.", "a = 1\nb", '"a', "a\nb"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        key_path(text)


def test_keys_are_read_as_toml_writes_them() -> None:
    assert key_path(" users . \"a.b\" . 'c' ") == ("users", "a.b", "c")


LINES = st.sampled_from(
    [*(f"{name} = {key.example}" for name, key in KEYS.items()), "[users.a]", "[users]",
     "[tags.'b']", "gpus_max = 1", "gpus_min = 2", "a = {gpus_max = 1}", "x = '''", "'''", "# c",
     "hours = [", "]", "[[users]]", "a.gpus_min = 1", "\ud800", "keep_free = 99", "quiet_s = '1 h'",
     'x = "\\q"']
)  # fmt: skip


@given(st.text(max_size=100) | st.lists(LINES, max_size=10).map("\n".join))
def test_any_text_is_taken_or_found_wrong(text: str) -> None:
    checked = check_rules(text, GPUS)
    assert (checked.rules is None) is bool(checked.findings)
    count = text.count("\n") + 1
    assert all(1 <= finding.line <= count and finding.text for finding in checked.findings)


def paths(table: Any) -> set[tuple[str, ...]]:
    if isinstance(table, list):
        return {path for inner in table for path in paths(inner)}
    if not isinstance(table, dict):
        return set()
    return {(name, *rest) for name, inner in table.items() for rest in [(), *paths(inner)]}


@given(st.lists(LINES, max_size=10).map("\n".join))
def test_every_key_that_is_named_has_a_line(text: str) -> None:
    try:
        document = tomllib.loads(text)
    except ValueError:
        return
    lines = lines_of(text)
    assert all(path[:1] in lines for path in paths(document))
    assert set(lines) <= paths(document) | {("users",), ("tags",)}


def test_what_contradicts_is_told_beside_what_is_wrong() -> None:
    text = "keep_fre = 1\n[users.ada]\ngpus_min = 3\ngpus_max = 1\n[users.bob]\ngpus_min = -1\n"
    findings = check_rules(text).findings
    assert [(finding.line, finding.code) for finding in findings] == [
        (1, "unknown_key"),
        (3, "contradiction"),
        (6, "wrong_value"),
    ]


def test_the_values_that_a_finding_mentions_come_along() -> None:
    text = (
        f"users = [true, 1, 2, 3]\nover_use = 'x'\nstrategy = '{'y' * 99}'\n"
        "backfill = {}\nfailures_max = {a = 1}\ngpus = 1.5\n"
    )
    found = {one.key: one.data for one in check_rules(text).findings}
    assert {key: data["found"] for key, data in found.items()} == {
        "users": "[true, 1, 2, …]",
        "over_use": '"x"',
        "strategy": f'"{"y" * 60}…"',
        "backfill": "{}",
        "failures_max": "{…}",
        "gpus": "1.5",
    }
    assert found["users"]["refusal"] == "shares_no_table" and found["users"]["names_max"] == 256
    assert (found["over_use"]["refusal"], found["over_use"]["example"]) == ("wrong_rule", '"stop"')
