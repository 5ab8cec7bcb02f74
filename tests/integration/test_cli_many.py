"""Many runs in the command line: long lists, and one verb for all runs of a tag or sweep."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lanherd_client import blocking, order
from lanherd_protocol.limits import RUN_LIST_PAGE_MAX
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.lanherd_command import call_text

MANY = RUN_LIST_PAGE_MAX + 200


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    with agent_process(tmp_path / "agent") as running, blocking.open() as fleet:
        fleet.pair_socket(running.socket)
        yield running


def lanherd(*arguments: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
    done = call_text(*arguments)
    assert done.returncode == code, done.stderr
    return done


def read(*arguments: str) -> Any:
    return json.loads(lanherd(*arguments, "--json").stdout)


def submit(count: int, name: str, **more: Any) -> None:
    with blocking.open() as fleet:
        fleet.settled()
        fleet.submit_many(
            [order(["true"], name=f"{name}-{n}", hold=True, **more) for n in range(count)]
        )


def test_lists_go_on_beyond_a_page(agent: AgentProcess) -> None:
    submit(MANY, "a", tags=["night"])
    submit(3, "b")
    shown = lanherd("runs")
    assert len(shown.stdout.splitlines()) == 1 + 50
    assert "There are more: raise --limit, write --all, or go on with --after" in shown.stderr
    every = read("runs", "--all")
    assert [run["name"] for run in every] == [
        *(f"b-{n}" for n in (2, 1, 0)),
        *(f"a-{n}" for n in range(MANY - 1, -1, -1)),
    ]
    assert read("runs", "--limit", str(MANY)) == every[:MANY]
    assert read("runs", "--all", "--name", "b-") == every[:3]
    assert read("runs", "--limit", "2", "--tag", "night") == every[3:5]
    assert read("runs", "--after", every[4]["run"], "--limit", "2") == every[5:7]
    assert read("runs", "--after", every[-2]["run"]) == every[-1:]
    assert read("runs", "--all", "--after", every[2]["run"], "--name", "b") == []
    assert "may mean" not in lanherd("runs", "--after", "nobody", code=5).stderr


def test_a_verb_for_all_runs_of_a_tag_or_sweep(agent: AgentProcess, tmp_path: Path) -> None:
    submit(30, "a", tags=["night", "x"])
    submit(2, "b", tags=["night"])
    sheet = tmp_path / "lrs.csv"
    sheet.write_text("lr\n1\n2\n3\n")
    lanherd("sweep", str(sheet), "--yes", "--hold", "--tag", "y", "--", "echo", "{lr}")
    refused = lanherd("stop", "--tag", "night", code=2).stderr
    assert "32 runs with the tag night: 32 waiting." in refused and "--yes" in refused
    assert len(read("runs", "--state", "held", "--all")) == 35
    assert "32 runs: priority 7." in lanherd("priority", "7", "--tag", "night", "-y").stderr
    assert "There is nothing to hold among your runs with the tag night." in (
        lanherd("hold", "--tag", "night").stderr
    )
    stopped = lanherd("stop", "--tag", "night", "--tag", "x", "--yes").stderr
    assert stopped == "30 runs: cancelled.\n"
    assert len(read("stop", "--tag", "night", "--yes")) == 2
    assert len(read("runs", "--state", "cancelled", "--all")) == 32
    told = lanherd("pin", "--sweep", "lrs", "--yes").stderr
    assert told.count(": pinned.") == 3
    assert len(read("unpin", "--sweep", "lrs", "--tag", "y", "-y")) == 3
    assert read("stop", "--tag", "night") == []
    # What removes files asks about one run too.
    lanherd("tag", "b-0", "--add", "only")
    assert "1 run with the tag only: 1 cancelled." in (
        lanherd("remove-files", "--tag", "only", code=2).stderr
    )
    lanherd("release", "--sweep", "lrs", "--yes")
    lanherd("wait", "--sweep", "lrs")
    assert "There is no run of yours of the sweep nope." in (
        lanherd("stop", "--sweep", "nope", code=5).stderr
    )


def test_one_run_of_a_tag_is_not_asked_about(agent: AgentProcess) -> None:
    submit(1, "solo", tags=["t"])
    assert ": cancelled." in lanherd("stop", "--tag", "t", "-m", read("machines")[0]["name"]).stderr


def test_what_may_be_on_a_machine_that_is_away_is_said(agent: AgentProcess, tmp_path: Path) -> None:
    submit(1, "here", tags=["t"])
    with agent_process(tmp_path / "attic", name="attic") as attic, blocking.open() as fleet:
        fleet.pair_socket(attic.socket)
    away = lanherd("stop", "--tag", "nope", "--yes", code=3).stderr
    assert "There may be some where nobody can be asked now: attic." in away
    assert "of the sweep nope" in lanherd("sweep", "stop", "nope", "--yes", code=3).stderr
    lanherd("stop", "--tag", "nope", "-m", "box", code=5)
    told = lanherd("stop", "--tag", "t").stderr
    assert "Without attic, unreachable." in told and ": cancelled." in told
