"""`lanherd sweep` without a machine: how it is read, what it shows, and how it pages."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

import click
import pytest

from lanherd_client.cli import sweep_look, sweep_preview
from lanherd_client.cli.main import main
from lanherd_client.sweeps.options import sweep_order
from lanherd_client.sweeps.progress import WORDS, SweepProgress, Word


@pytest.fixture
def path(tmp_path: Path) -> str:
    (tmp_path / "my runs.csv").write_text("lr,seed,note\n1e-3,1,a\n1e-4,2,b\n")
    return str(tmp_path / "my runs.csv")


def test_a_dry_run_without_a_machine(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--gpus", "1..2", "--vram", "2GB", "--priority", "3", "--env", "S={seed}"]
    template = ["--", "t", "--grid", "{lr}"]
    assert main(["sweep", path, *options, "--dry-run", *template]) == 0
    shown = capsys.readouterr()
    assert [" ".join(line.split()) for line in shown.out.splitlines()] == [
        "ROW NAME COMMAND REQUEST",
        "row 2 lr=1e-3 seed=1 S=1 t --grid 1e-3 1 to 2 GPUs with 2.00 GB each, priority 3",
        "row 3 lr=1e-4 seed=2 S=2 t --grid 1e-4 1 to 2 GPUs with 2.00 GB each, priority 3",
    ]
    assert "Warning: Nothing uses column note (C)." in shown.err
    assert "No machine is paired" in shown.err
    assert main(["sweep", "send", path, "--dry-run", "--json", *template]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["sweep"], told["sent"], told["machine"]) == ("my runs", False, None)
    assert told["new"][0]["command"] == ["t", "--grid", "1e-3"]
    assert told["new"][0]["gpus_requested_max"] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["FILE", "--yes", "--", "t"], 5, "No machine is paired"),
        (["FILE", "--", "t"], 2, "Write --yes"),
        (["FILE", "t", "{lr}"], 2, "-- before the command"),
        (["--sheet", "x"], 2, "Name a file"),
        (["--grid", "a=1", "--sheet", "x"], 2, "--sheet is for a file"),
        (["--grid", "a=1", "b", "--dry-run", "--", "t"], 2, "b: it is no axis"),
        (["FILE", "--gpus", "4..1", "--", "t"], 2, "no number of GPUs"),
        (["FILE", "--on", "a", "-m", "b", "--", "t"], 2, "not both"),
        (["FILE", "--vram", "2GB", "--dry-run", "--", "t"], 2, "row 2: something is asked"),
        (["FILE", "--retry-on", "lost", "--", "t"], 2, "--retries"),
        (["FILE", "--dry-run"], 2, "row 2: it has no command"),
        (["FILE", "--dry-run", "--name", " ", "--", "t"], 2, "has no name"),
        (["absent.csv", "--dry-run", "--", "t"], 5, "absent.csv can't be read"),
        (["status"], 2, "NAME"),
        (["status", "x"], 5, "no sweep 'x'"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: list[str], code: int, why: str, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sweep", *(path if word == "FILE" else word for word in arguments)]) == code
    assert why in capsys.readouterr().err


def test_wait_is_for_runs_or_for_a_sweep(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wait"]) == 2
    assert main(["wait", "x", "--sweep", "y"]) == 2
    told = capsys.readouterr().err
    assert told.count("Name runs, or a sweep with --sweep.") == 1 and "not both at once" in told
    assert main(["wait", "--sweep", "y"]) == 5


def test_a_grid_is_named_by_its_axes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", "--grid", "a=1..2", "b=x", "--dry-run", "--json", "--", "t{a}{b}"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sweep"] == "grid a b"
    assert [run["command"] for run in told["new"]] == [["t1x"], ["t2x"]]


def test_a_long_preview_is_paged_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    paged: list[str] = []

    def keep(lines: Iterable[str]) -> None:
        paged.extend(lines)

    monkeypatch.setattr(click, "echo_via_pager", keep)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("LINES", "20")
    order = sweep_order([{"a": at} for at in range(30)], "s", command=["t", "{a}\x1b[2J"])
    sweep_preview.show_runs(order.plan.runs)
    assert len(paged) == 31
    assert "\x1b" not in "".join(paged)
    assert paged[0].split() == ["ROW", "NAME", "COMMAND", "REQUEST"]
    assert paged[1].endswith(os.linesep)


def progress(rate_per_s: float | None, **counts: int) -> SweepProgress:
    every: dict[Word, int] = {word: counts.get(word, 0) for word in WORDS}
    total = sum(every.values())
    eta_s = None if rate_per_s is None else counts["waiting"] / rate_per_s
    return SweepProgress("s", total, every, 100.0, rate_per_s, eta_s)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (2.5, "2.5 a second"),
        (0.05, "3.0 a minute"),
        (0.001, "3.6 an hour"),
        (0.0001, "one in 2 h 46 m"),
    ],
)
def test_how_fast_a_sweep_is(rate: float, words: str) -> None:
    fields = dict(sweep_look._fields(progress(rate, waiting=10, timed_out=1)))
    assert fields["rate"] == words
    assert (fields["runs"], fields["waiting"], fields["timed out"], fields["live"]) == (
        *("11", "10", "1", ""),
    )
    assert fields["left"].startswith("about ")
    assert "left" in dict(sweep_look._fields(progress(None, waiting=1)))
