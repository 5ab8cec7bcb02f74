"""Sweeps against a real agent: sent once, edited, cut off, stopped; from the shell and a script."""

import json
import os
import re
import subprocess
import textwrap
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lanherd_client import Fleet, Order, sweeps
from lanherd_client.run import Run
from lanherd_client.sweeps import grid, read_sheet
from lanherd_client.sweeps.keeping import Sent, SweepBook
from lanherd_protocol.errors import ConflictError, ErrorCode, LanherdError, error
from lanherd_protocol.limits import RUNS_PER_SUBMIT_MAX
from lanherd_protocol.states import Ended
from tests.integration.test_cli_agent import lanherd, read
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.lanherd_command import LANHERD, WITHIN_S
from tests.support.xlsx import Value, xlsx

ECHO = ["sh", "-c", 'echo "$0/$1/$S"', "{lr}", "{seed}"]
END_OF_INPUT = b"\x04"
HEAD: list[Value] = ["lr", "seed", "done", "times"]


@pytest.fixture
def folder() -> Path:
    return Path(os.environ["HOME"])


@pytest.fixture
def agent(folder: Path) -> Iterator[AgentProcess]:
    with agent_process(folder / "agent") as running:
        lanherd("pair")
        yield running


@asynccontextmanager
async def opened() -> AsyncIterator[Fleet]:
    async with Fleet.open() as fleet:
        await fleet.settled()
        yield fleet


def sheet(folder: Path, *rows: list[Value]) -> str:
    path = folder / "runs.xlsx"
    path.write_bytes(xlsx([HEAD, *rows]))
    return str(path)


async def test_a_sweep_from_a_script(agent: AgentProcess) -> None:
    rows = grid(lr=["1e-3", "a b'\"$X"], seed=range(2))
    async with opened() as fleet:
        sweep = await fleet.sweep(
            rows, name="g", command=ECHO, variables={"S": "s{seed}"}, tags=["t"], gpus=1, vram="2GB"
        )
        views = await sweep.wait()
        assert (await sweep.progress()).succeeded
        texts = {
            (await fleet.run_at(sweep.machines[0], view.run).read_log()).data.decode()
            for view in views
        }
        assert texts == {f"{lr}/{seed}/s{seed}\n" for lr in ("1e-3", "a b'\"$X") for seed in (0, 1)}
        assert {view.settings.tags for view in views} == {("t",)}
        assert {view.spec.gpus.vram_bytes for view in views} == {2 << 30}
        (one,) = await fleet.sweeps()
        assert (one.name, one.total, one.counts["succeeded"]) == ("g", 4, 4)
        assert (await fleet.find_sweep("g", "box")).machines == sweep.machines
        with pytest.raises(LanherdError, match="no sweep 'other'"):
            await fleet.find_sweep("other")


async def test_an_edited_sheet_adds_only_what_is_new(agent: AgentProcess, folder: Path) -> None:
    async with opened() as fleet:

        async def sent(*rows: list[Value]) -> tuple[int, int, int, int]:
            table = read_sheet(Path(sheet(folder, *rows)))
            draft = await fleet.draft_sweep(table, name="lr", command=["true", "{lr}", "{seed}"])
            found = draft.comparison
            sweep, taken = await draft.send()
            assert len(taken) == len(found.new)
            total = (await sweep.progress()).total
            return len(found.new), len(found.there), len(found.gone), total

        assert await sent([1, 1], [1, 2, None, 2]) == (3, 0, 0, 3)
        # Sorted, named otherwise, extended: what was sent is known again.
        assert await sent([1, 2, None, 3], [2, 1], [1, 1]) == (2, 3, 0, 5)
        # Gone is told, and not stopped; done is not gone.
        assert await sent([1, 2, "x", 3], [2, 1]) == (0, 1, 1, 5)


async def test_a_submit_that_was_cut_off_is_sent_again_under_its_ids(
    agent: AgentProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[dict[str, object]] = [{"a": at} for at in range(3)]
    async with opened() as fleet:
        through = fleet.submit_many

        async def cut_before(orders: Any, **way: Any) -> tuple[Run, ...]:
            raise error(ErrorCode.CONNECTION_LOST, "Cut.")

        async def cut_after(orders: Any, **way: Any) -> tuple[Run, ...]:
            await through(list(orders)[:2], **way)
            raise error(ErrorCode.CONNECTION_LOST, "Cut.")

        book = SweepBook(fleet.home)
        ids: list[dict[str, Any]] = []
        for cut in (cut_before, cut_after):
            monkeypatch.setattr(fleet, "submit_many", cut)
            with pytest.raises(LanherdError, match="Cut"):
                await fleet.sweep(rows, name="s", command=["true", "{a}"], hold=True)
            kept = book.load("s")
            assert kept is not None
            ids.append(kept.ids)
        assert ids[0] == ids[1]
        monkeypatch.setattr(fleet, "submit_many", through)
        sweep = await fleet.sweep(rows, name="s", command=["true", "{a}"], hold=True)
        records = await sweep.records()
        assert {record.view.run for record in records} == set(ids[0].values())
        kept = book.load("s")
        assert kept is not None
        assert (kept.ids, kept.machine) == ({}, sweep.machines[0])


async def test_what_was_taken_under_other_options_after_all_is_left_as_it_is(
    agent: AgentProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[dict[str, object]] = [{"a": at} for at in range(3)]
    async with opened() as fleet:
        through = fleet.submit_many
        first: list[Order] = []

        async def cut(orders: Any, **way: Any) -> tuple[Run, ...]:
            first.extend(orders)
            raise error(ErrorCode.CONNECTION_LOST, "Cut.")

        async def after_the_late_one(orders: Any, **way: Any) -> tuple[Run, ...]:
            monkeypatch.setattr(fleet, "submit_many", through)
            await through(first[:1], **way)
            return await through(orders, **way)

        monkeypatch.setattr(fleet, "submit_many", cut)
        with pytest.raises(LanherdError, match="Cut"):
            await fleet.sweep(rows, name="s", command=["true", "{a}"], hold=True)
        monkeypatch.setattr(fleet, "submit_many", after_the_late_one)
        sweep = await fleet.sweep(rows, name="s", command=["true", "{a}"], hold=True, tags=["b"])
        views = [record.view for record in await sweep.records()]
        assert sorted(view.settings.tags for view in views) == [(), ("b",), ("b",)]


async def test_two_programs_do_not_send_the_same_sweep_at_once(agent: AgentProcess) -> None:
    async with opened() as fleet:
        with SweepBook(fleet.home).sending("s"), pytest.raises(ConflictError, match="being sent"):
            await fleet.sweep([{"a": 1}], name="s", command=["true", "{a}"])
        assert await fleet.sweeps() == ()


async def test_a_sweep_is_stopped_from_its_end(agent: AgentProcess) -> None:
    async with opened() as fleet:
        sweep = await fleet.sweep(
            [{"n": at} for at in range(6)],
            name="long",
            command=["sleep", "6{n}"],
            gpus=1,
            exclusive=True,
        )
        records = await sweep.records()
        for record in records[:2]:
            await fleet.run_at(record.machine, record.view.run).wait_started()
        assert len(await sweep.stop()) == 6
        views = await sweep.wait()
        assert {view.state.outcome for view in views if isinstance(view.state, Ended)} == {
            "cancelled"
        }
        ran = [v for v in views if isinstance(v.state, Ended) and v.state.started_at is not None]
        assert len(ran) == 2
        assert await sweep.stop() == ()


async def test_where_a_sweep_went_before_is_known_without_the_file(agent: AgentProcess) -> None:
    async with opened() as fleet:
        rows: list[dict[str, object]] = [{"a": 1}]
        sweep = await fleet.sweep(rows, name="s", command=["true", "{a}"])
        for path in (fleet.home / "sweeps").iterdir():
            path.unlink()
        draft = await fleet.draft_sweep(rows, name="s", command=["true", "{a}"])
        assert "went there before" in draft.choice.reason
        assert draft.comparison.new == ()
        SweepBook(fleet.home).put(Sent(name="s", machine=sweep.machines[0]))
        assert (await draft.send())[1] == ()


async def test_as_many_as_one_sweep_takes(agent: AgentProcess) -> None:
    async with opened() as fleet:
        rows: list[dict[str, object]] = [{"a": 1, "times": RUNS_PER_SUBMIT_MAX}]
        sweep = await fleet.sweep(rows, name="s", command=["true", "{times_index}"], hold=True)
        assert (await sweep.progress()).counts["waiting"] == RUNS_PER_SUBMIT_MAX
        again = await fleet.draft_sweep(rows, name="s", command=["true", "{times_index}"])
        assert len(again.comparison.there) == RUNS_PER_SUBMIT_MAX


def test_the_documented_example_does_what_it_says(
    agent: AgentProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    example = re.findall(r"\n\n((?:    .*\n|\n)+)", sweeps.__doc__ or "")[0]
    exec(textwrap.dedent(example.replace('"python", "train.py"', '"echo", "train.py"')), {})
    assert capsys.readouterr().out == f"6 runs\n{['succeeded'] * 6}\n"


def test_a_sheet_from_the_shell(agent: AgentProcess, folder: Path) -> None:
    path = sheet(folder, [0.001, 1], [0.01, 2], [0.1, 3, "x"])
    asked = ["sweep", path, "--env", "S=s{seed}", "--tag", "t"]
    shown = lanherd(*asked, "--dry-run", "--", *ECHO)
    assert "row 2  lr=0.001 seed=1" in shown.stdout
    assert "2 new." in shown.stderr
    assert "1 row is marked as done" in shown.stderr
    assert "--yes" in lanherd(*asked, "--", *ECHO, code=2).stderr
    assert read("runs") == []
    sent = json.loads(lanherd(*asked, "--yes", "--json", "--", *ECHO).stdout)
    assert (sent["sweep"], sent["machine_name"], sent["sent"]) == ("runs", "box", True)
    assert {one["run"] for one in sent["new"]} == {run["run"] for run in read("runs")}
    assert lanherd("sweep", "wait", "runs").stdout == "runs: 2 succeeded\n"
    assert lanherd("wait", "--sweep", "runs").stdout == "runs: 2 succeeded\n"
    assert lanherd("logs", "lr=0.01 seed=2").stdout == "0.01/2/s2\n"
    again = lanherd(*asked, "--yes", "--", *ECHO)
    assert "2 already there, 0 new." in again.stderr
    assert again.stdout == "runs\n"
    sheet(folder, [0.001, 1], [0.5, 9])
    added = lanherd(*asked, "--yes", "--", *ECHO)
    assert "1 already there, 1 new." in added.stderr
    assert "1 there that no row asks for any more, and left as they are: lr=0.01" in added.stderr
    status = read("sweep", "status", "runs")
    assert (status["runs"], status["machines"]) == (3, [sent["machine"]])
    assert "SWEEP" in lanherd("sweep", "list").stdout
    assert [one["sweep"] for one in read("sweep", "list")] == ["runs"]


def test_a_grid_from_the_shell_and_an_end_that_is_not_well(agent: AgentProcess) -> None:
    grid_of = ["sweep", "--grid", "code=0,3", "n=1..2", "--name", "codes", "--yes"]
    assert lanherd(*grid_of, "--", "sh", "-c", "exit $0", "{code}", "{n}").stdout == "codes\n"
    waited = lanherd("sweep", "wait", "codes", code=1).stdout.splitlines()
    assert waited[-1] == "codes: 2 succeeded, 2 failed"
    assert sorted(re.sub(r"^.*\((.*)\).*$", r"\1", line) for line in waited[:-1]) == [
        "code=3 n=1",
        "code=3 n=2",
    ]
    assert "Ended with exit code 3" in lanherd("sweep", "status", "codes").stdout
    failed = read("runs", "--sweep", "codes", "--state", "failed")
    assert [(run["sweep"], run["exit_code"]) for run in failed] == [("codes", 3)] * 2
    assert read("runs", "--sweep", "code") == []
    assert "codes" in lanherd("show", failed[0]["run"]).stdout
    again = lanherd(*grid_of, "--", "sh", "-c", "exit $0", "{code}", "{n}")
    assert "2 ended without success" in again.stderr
    late = ["sweep", "--grid", "n=1..3", "--name", "late", "--yes", "--hold", "--", "sleep", "{n}"]
    lanherd(*late)
    assert (
        "has not ended within" in lanherd("sweep", "wait", "late", "--timeout", "1s", code=3).stderr
    )
    refused = lanherd("sweep", "stop", "late", code=2).stderr
    assert "3 runs of the sweep late: 3 waiting. Nobody can be asked here: write --yes." in refused
    assert len(read("runs", "--state", "held")) == 3
    # As the verb for all runs of a sweep, whatever is asked of it.
    assert (
        refused.splitlines()[-1]
        == (lanherd("stop", "--sweep", "late", code=2).stderr.splitlines()[-1])
    )
    no = asked(b"n\n", "sweep", "stop", "late")
    assert (no.returncode, no.stdout) == (1, b"")
    assert b"Stop all of them? [y/N]: " in no.stderr and b"Nothing was done." in no.stderr
    assert len(read("runs", "--state", "held")) == 3
    assert lanherd("sweep", "stop", "late", "--yes").stderr.count(": cancelled.") == 3
    assert "There is nothing to stop" in lanherd("sweep", "stop", "late").stderr
    assert read("sweep", "stop", "late") == read("stop", "--sweep", "late") == []
    lanherd("sweep", "stop", "late", "--now", "--grace", "1s", code=2)
    assert (
        "no run of yours of the sweep nobody" in lanherd("sweep", "stop", "nobody", code=5).stderr
    )
    lanherd("sweep", "status", "nobody", code=5)


def asked(answer: bytes, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """The command with a person at its keyboard."""
    keyboard, terminal = os.openpty()
    with subprocess.Popen(
        [*LANHERD, *arguments], stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as going:
        os.close(terminal)
        assert going.stderr is not None
        said = b""
        while not said.endswith(b"[y/N]: "):
            byte = os.read(going.stderr.fileno(), 1)
            assert byte, said
            said += byte
        os.write(keyboard, answer)
        out, err = going.communicate(timeout=WITHIN_S)
    os.close(keyboard)
    return subprocess.CompletedProcess(arguments, going.returncode, out, said + err)


def test_a_person_sees_all_runs_and_is_asked(agent: AgentProcess) -> None:
    sweep = ["sweep", "--grid", "n=1..2", "--name", "s", "--", "true", "{n}"]
    assert asked(END_OF_INPUT, *sweep).returncode == 130
    refused = asked(b"n\n", *sweep)
    assert (refused.returncode, refused.stdout.count(b"true ")) == (1, 2)
    assert b"Nothing was sent." in refused.stderr
    assert read("runs") == []
    agreed = asked(b"y\n", *sweep)
    assert (agreed.returncode, agreed.stdout.splitlines()[-1]) == (0, b"s")
    assert b"2 runs were taken." in agreed.stderr
    assert len(read("runs")) == 2


def test_a_sheet_that_cannot_be_sent_sends_nothing(agent: AgentProcess, folder: Path) -> None:
    path = sheet(folder, [1, 1], [2, None], [3, 3, None, "many"])
    said = lanherd("sweep", path, "--yes", "--", *ECHO, code=2).stderr
    assert "row 3, column seed (B): it is empty" in said
    assert "row 4, column times (D): 'many'" in said
    assert read("runs") == []
    # Where nobody can be asked what is there, a dry run says so.
    machine = read("machines")[0]["machine"]
    lanherd("forget", machine)
    sheet(folder, [1, 1])
    alone = lanherd("sweep", path, "--dry-run", "--json", "--", *ECHO)
    assert json.loads(alone.stdout)["already_there"] is None
    assert "Compared with nothing" in alone.stderr
