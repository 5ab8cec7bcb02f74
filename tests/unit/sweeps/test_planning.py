"""From rows to runs: what each becomes, what tells it from the others, and all that is wrong."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_client.sweeps.options import SweepOrder, sweep_order
from lanherd_client.sweeps.planning import Plan, PlannedRun, key_of
from lanherd_client.sweeps.rows import parse_count
from lanherd_client.sweeps.table import Column, Row, Table
from lanherd_client.sweeps.template import escape
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import RunId
from lanherd_protocol.limits import RUN_NAME_CHARS_MAX
from lanherd_protocol.values import GpuRequest, HostRequest

COMMAND = ["train", "--lr={lr}", "{seed}"]
GB = 1 << 30


def planned(*rows: Mapping[str, object], **said: Any) -> Plan:
    return order_of(*rows, **said).plan


def order_of(*rows: Mapping[str, object], **said: Any) -> SweepOrder:
    return sweep_order(rows, "s", **{"command": COMMAND, **said})


def only(*rows: Mapping[str, object], **said: Any) -> PlannedRun:
    (run,) = planned(*rows, **said).runs
    return run


def refused(*rows: Mapping[str, object], **said: Any) -> str:
    with pytest.raises(LanherdError) as caught:
        planned(*rows, **said)
    return caught.value.failure.message


def keys(plan: Plan) -> list[str]:
    return [run.key for run in plan.runs]


def test_columns_become_arguments_and_variables_whatever_their_case() -> None:
    run = only({"LR": 1e-3, "Seed": 3}, variables={"S": "s{SEED}", "B": "{{}}"})
    assert run.command == ("train", "--lr=0.001", "3")
    assert run.variables == {"S": "s3", "B": "{}"}
    assert run.name == "LR=0.001 Seed=3"


@given(st.text(min_size=1).filter(lambda text: text.strip() and "\0" not in text))
def test_a_value_stays_one_argument_whatever_it_holds(value: str) -> None:
    run = only({"x": value}, command=["p", "{x}", escape(value)])
    assert run.command == ("p", value, value)


def test_what_a_row_says_itself_comes_first() -> None:
    row = {"lr": 1, "seed": 2, "name": " big ", "priority": "-5", "gpus": "1..4", "vram": "20GB"}
    run = only(row, gpus=1, vram="2GB", priority=7)
    assert (run.name, run.priority) == ("big", -5)
    assert run.gpus == GpuRequest(count=1, count_max=4, vram_bytes=20 * GB)
    run = only({"lr": 1, "seed": 2}, gpus="2..3", vram="2GB", priority=7, exclusive=True)
    assert run.gpus == GpuRequest(count=2, count_max=3, vram_bytes=2 * GB, exclusive=True)
    assert run.priority == 7
    assert only({"lr": 1, "seed": 2, "gpus": 0}, gpus=2, vram="2GB").gpus == GpuRequest()


def test_a_command_of_its_own() -> None:
    plan = planned(
        {"lr": 1, "seed": 2, "command": "sh -c 'echo {lr}' {times_index}"}, {"lr": 3, "seed": 4}
    )
    assert [run.command for run in plan.runs] == [
        ("sh", "-c", "echo 1", "1"),
        ("train", "--lr=3", "4"),
    ]
    assert only({"command": "true"}, command=()).command == ("true",)


def test_repeats_are_numbered_and_told_apart() -> None:
    plan = planned({"lr": 1, "seed": 2, "times": 3}, command=["t", "{lr}", "{times_index}"])
    assert [run.command[2] for run in plan.runs] == ["1", "2", "3"]
    assert [run.name for run in plan.runs] == ["lr=1 #1", "lr=1 #2", "lr=1 #3"]
    assert len(set(keys(plan))) == 3
    same = planned({"lr": 1, "seed": 2, "times": 3})
    assert len(set(keys(same))) == 3
    assert keys(planned({"lr": 1, "seed": 2}, {"lr": 1, "seed": 2, "times": 2})) == keys(same)
    assert planned({"lr": 1, "seed": 2, "times": 0}).runs == ()


@pytest.mark.parametrize("word", ["x", "X", "true", "TRUE", "Yes", "1", "√", "done", "是"])
def test_rows_that_are_done_are_left_out(word: str) -> None:
    rows = [{"lr": 1, "seed": 2, "done": word}, {"lr": 1, "seed": 2, "done": "no"}]
    plan = planned(*rows)
    assert (len(plan.runs), plan.done_rows) == (1, 1)
    # Its twin has the key that it had before.
    before = planned(*({**row, "done": ""} for row in rows))
    assert keys(plan) == keys(before)[1:]
    assert plan.done_keys == {keys(before)[0]}
    # What is done may hold anything.
    assert planned({"lr": "", "done": word, "times": "?"}, {"lr": 1, "seed": 2}).done_rows == 1


def test_the_key_is_what_a_run_means() -> None:
    row = {"lr": 1, "seed": 2}
    key = only(row).key
    assert only({**row, "name": "x", "priority": 3}, tags=["a"], time_limit="1h").key == key
    for other in (
        only({**row, "seed": 3}),
        only(row, variables={"A": "1"}),
        only({**row, "gpus": 1}),
        only(row, command=["train", "--lr=1", "{seed}", ""]),
    ):
        assert other.key != key
    # Keys are on machines, so they stay as they are from release to release.
    assert key_of(("a", "{"), {"B": "é"}, GpuRequest(count=2), HostRequest()) == (
        "f72768319ea2f86d427ced7c01e14085"
    )


@given(st.permutations([{"lr": at, "seed": at % 2} for at in range(5)]))
def test_a_sorted_sheet_has_the_same_keys(rows: list[dict[str, object]]) -> None:
    usual = planned(*({"lr": at, "seed": at % 2} for at in range(5)))
    assert set(keys(planned(*rows))) == set(keys(usual))


def test_everything_that_is_wrong_is_said_at_once() -> None:
    columns = [
        Column(name, "ABCDEF"[at], at)
        for at, name in enumerate(["lr", "seed", "gpus", "vram", "times", "Done"])
    ]
    table = Table(
        tuple(columns),
        (
            Row("row 2", ("", "1", "4..1", "20", "-1", "maybe"), 1),
            Row("row 7", ("1", "2", "65", "much", "1.5", ""), 6),
        ),
    )
    with pytest.raises(LanherdError) as caught:
        sweep_order(table, "s", command=[*COMMAND, "{sead}"], variables={"E": "{x}"})
    lines = caught.value.failure.message.splitlines()
    assert lines[0].startswith("The command needs {sead}, and the sheet has no column")
    assert "Is {seed} meant?" in lines[0]
    assert lines[1].startswith("The variable E needs {x}")
    assert [line.partition(":")[0] for line in lines[2:]] == [
        "row 2, column lr (A)",
        "row 2, column gpus (C)",
        "row 2, column vram (D)",
        "row 2, column times (E)",
        "row 2, column Done (F)",
        "row 7, column gpus (C)",
        "row 7, column vram (D)",
        "row 7, column times (E)",
    ]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"command": "sh 'a"}, "can't be split"),
        ({"command": "sh {a"}, "other half"),
        ({"command": "sh {sed}"}, "it needs {sed}"),
        ({"vram": "2GB"}, "column vram: something is asked of GPUs"),
        ({"gpus": "two"}, "no number of GPUs"),
        ({"gpus": "0..2"}, "no number of GPUs"),
        ({"gpus": "3..2"}, "no number of GPUs"),
        ({"priority": 101}, "from -100 to 100"),
        ({"name": "n" * (RUN_NAME_CHARS_MAX + 1)}, "200 characters"),
        ({"lr": "a\0b"}, "NUL"),
        ({"lr": "x" * (300 << 10)}, "too long"),
        ({"times_index": 3}, "rename the column"),
    ],
)
def test_a_row_that_cannot_be_sent(row: dict[str, object], why: str) -> None:
    assert why in refused({"lr": 1, "seed": 2, **row})


def test_what_is_wrong_with_the_sweep_itself() -> None:
    assert "row 1: it has no command" in refused({"lr": 1}, command=())
    text = refused({"lr": 1}, command=["a", "{b"], variables={"X": "}"})
    assert text.startswith("argument 2: ")
    assert "variable X: " in text
    for name in ("", " ", "n" * 201, "a\nb"):
        with pytest.raises(LanherdError, match="sweep can't be sent"):
            sweep_order([{"lr": 1}], name, command=["x"])
    with pytest.raises(LanherdError, match="UTF-8"):
        planned({"lr": "\ud800", "seed": 1})
    assert "row 1: something is asked of GPUs" in refused({"lr": 1, "seed": 1}, vram="2GB")
    assert "10001 runs" in refused({"lr": 1, "seed": 1, "times": 10000}, {"lr": 2, "seed": 2})


def test_templates_rows_and_values_are_judged_in_one_go() -> None:
    rows = [{"lr": [1], "LR": 2, "times": 20_000}, {"lr": "", "seed": 1, "times": 5_001}]
    lines = refused(*rows, {"lr": 1, "seed": 3, "times": 5_000}, command=["{", *COMMAND]).split(
        "\n"
    )
    assert [line.partition(":")[0] for line in lines] == [
        "argument 1",
        "the list of rows asks for 10002 runs, and one sweep takes 10000",
        "there are 2 columns called 'lr'",
        "there are 2 columns called 'LR'",
        "row 1, column lr",
        "row 1, column times",
        "row 1, column seed",
        "row 2, column lr",
    ]


def test_only_the_first_of_many_findings_are_shown() -> None:
    lines = refused(*({"lr": "", "seed": 1} for _ in range(30))).splitlines()
    assert (len(lines), lines[-1]) == (21, "And 10 more.")


def test_a_column_that_nothing_uses_is_told() -> None:
    plan = planned({"lr": 1, "seed": 2, "note": 3, "name": "x"})
    assert plan.warnings == ("Nothing uses column note. A template names a column so: {note}.",)
    assert planned({"lr": 1, "seed": 2}, {"note": 3, "command": "x {note}"}).warnings == ()


def test_a_long_name_is_cut_and_a_missing_one_is_made() -> None:
    assert len(only({"lr": "x" * 500, "seed": 1}).name) == RUN_NAME_CHARS_MAX
    plan = planned({"name": "n" * RUN_NAME_CHARS_MAX, "times": 2}, command=["t"])
    assert {len(run.name) for run in plan.runs} == {RUN_NAME_CHARS_MAX}
    assert only({"x": 1}, command=["t"]).name == "s, row 1"


def test_an_order_of_a_run_has_its_group_and_what_all_have_in_common() -> None:
    order = order_of(
        {"lr": 1, "seed": 2, "priority": 4}, tags=["a"], time_limit="1m", secrets={"K": "v"}
    )
    (run,) = order.plan.runs
    one = order.order_of(run, RunId("0197a5d4-0000-7000-8000-000000000001"))
    assert one.spec.group is not None
    assert (one.spec.group.name, one.spec.group.key) == ("s", run.key)
    assert (one.spec.command, one.spec.time_limit_s) == (run.command, 60.0)
    assert (one.settings.priority, one.settings.tags, one.secrets) == (4, ("a",), {"K": "v"})


def test_the_counts_of_gpus() -> None:
    assert [parse_count(text) for text in ("2", " 1 .. 4 ", "2..2", "0")] == [
        (2, 0),
        (1, 4),
        (2, 0),
        (0, 0),
    ]
