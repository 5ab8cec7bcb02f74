"""What the commands say of runs and rules, without a machine."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from msgspec.structs import replace

from lanherd_client.cli import look, retention, runs, words
from lanherd_client.cli.completion import complete_project, complete_run, complete_tag, remember
from lanherd_client.cli.show import put_run
from lanherd_client.cli.why import evidence
from lanherd_client.mirror import Connecting, MachineView, Online, RunRecord, Unreachable
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError
from lanherd_protocol.ids import BlobHash, GpuUuid
from lanherd_protocol.machine_messages import MachineControls, PauseView
from lanherd_protocol.retention_messages import RetentionState
from lanherd_protocol.states import AttemptEnd, Ended, Preparing, Queued, Running, RunView, Stopping
from lanherd_protocol.values import (
    Dependency,
    GpuReading,
    GpuRequest,
    HostRequest,
    Lease,
    LockedEnvironment,
    LogRule,
    Reason,
    RetentionRule,
    RetentionRules,
    RetryRule,
    RunSettings,
    RunSpec,
    StopRule,
    Telemetry,
)
from tests.support.scripted_agent import DONE, GIB, MACHINE, WAITS, ended, run_id, running

GONE = Failure(code=ErrorCode.UNREACHABLE, title="It went away.")
FULL = RunView(
    run=run_id(1),
    spec=RunSpec(
        command=("python", "my train.py"),
        name="train",
        project="digits",
        environment=LockedEnvironment(lock_path="uv.lock", lock_hash=BlobHash("b" * 64)),
        gpus=GpuRequest(count=1, vram_bytes=GIB),
        variables={"A": "1", "B": "2"},
        time_limit_s=9000.0,
        stop=StopRule(signal="INT", grace_s=60.0),
        retry=RetryRule(attempts_max=4, on=("failed", "timed_out"), exit_codes=(75,), signals=(9,)),
        dependencies=(Dependency(run=run_id(7), kind="after"), Dependency(run=run_id(8))),
        directory="src",
        niceness=5,
        pre_command=("make",),
        post_command=("rm", "x"),
        log=LogRule(split=True, bytes_max=2 * GIB),
        secrets=("TOKEN",),
        restart_of=run_id(9),
    ),
    owner="me",
    submitted_at=1.0,
    state=Queued(since=1.0, reason=WAITS, not_before=2.0),
    seq=4,
    attempt=2,
    settings=RunSettings(priority=5, held=True, tags=("a", "b"), notes="one\ntwo", pinned=True),
    earlier=(
        AttemptEnd(attempt=1, at=9.0, outcome="timed_out", reason=DONE, started_at=2.0, signal=9),
    ),
    files_removed_at=10.0,
)


def shown(view: RunView, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    put_run(RunRecord(MACHINE, view), "box", False, [(replace(view, run=run_id(6)), "after")])
    fields: dict[str, str] = {}
    for line in capsys.readouterr().out.splitlines():
        name, _, value = line.strip().partition("  ")
        fields[name] = value.strip()
    return fields


def test_show_tells_everything(capsys: pytest.CaptureFixture[str]) -> None:
    fields = shown(FULL, capsys)
    assert fields["state"] == "waiting"
    assert fields["attempt"] == "2 of 4"
    assert fields["attempt 1"] == f"timed out. {DONE.text}"
    assert "tried again at" in fields
    assert fields["command"] == "python 'my train.py'"
    assert (fields["before it"], fields["after it"]) == ("make", "rm x")
    assert (fields["directory"], fields["niceness"], fields["secrets"]) == ("src", "5", "TOKEN")
    assert fields["time limit"] == "2h30m an attempt"
    assert fields["to stop it"] == "INT, then KILL after 1m"
    assert fields["retries"] == (
        "up to 3 when failed or timed out (only exit codes 75 and signals 9), the first after 10s"
    )
    assert fields["log"] == "stderr apart, 2.00 GB at most"
    assert fields["waits for"] == "the start of 00000007"
    assert "the success of 00000008" in fields
    assert fields["waited for by"] == "00000006"
    assert fields["restart of"] == "00000009"
    assert (fields["priority"], fields["tags"]) == ("5", "a, b")
    assert fields["held"] == "until 'lanherd release'"
    assert fields["files"] == "kept: the run is pinned"
    assert "files removed" in fields


def test_show_of_states(capsys: pytest.CaptureFixture[str]) -> None:
    plain = RunView(
        run=run_id(1),
        spec=RunSpec(command=("x",)),
        owner="me",
        submitted_at=1.0,
        state=ended(),
        seq=1,
    )
    assert shown(plain, capsys)["asked for"] == "no GPUs"
    limited = Running(since=2.0, pid=7, lease=Lease(), limit_at=1e30)
    assert shown(replace(plain, state=limited), capsys)["time is over at"] == "never"
    stopping = Stopping(
        since=3.0, started_at=2.0, pid=7, lease=Lease(), kill_at=9.0, outcome="cancelled"
    )
    fields = shown(replace(plain, state=stopping), capsys)
    assert "killed at" in fields
    assert "to stop it" not in fields
    assert fields["ends as"] == "cancelled"
    preparing = Preparing(since=1.0, step="environment", detail="numpy")
    fields = shown(replace(plain, state=preparing), capsys)
    assert fields["doing"] == "building the environment: numpy"
    killed = Ended(at=3.0, outcome="failed", reason=DONE, started_at=2.0, signal=9)
    fields = shown(replace(plain, state=killed), capsys)
    assert fields["signal"] == "SIGKILL (9)"
    assert fields["attempt"] == "1"
    # It was not stopped, and how it would have been is of no use any more.
    assert "to stop it" not in fields
    never = Ended(at=3.0, outcome="cancelled", reason=DONE)
    assert "attempt" not in shown(replace(plain, state=never), capsys)
    assert words.signal_name(999) == "999"


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (GpuRequest(), "no GPUs"),
        (GpuRequest(count=1), "1 GPU with all of its free VRAM"),
        (GpuRequest(count=2), "2 GPUs with all their free VRAM"),
        (GpuRequest(count=1, vram_bytes=GIB), "1 GPU with 1.00 GB"),
        (
            GpuRequest(count=2, vram_bytes=GIB, exclusive=True),
            "2 GPUs with 1.00 GB each, exclusive",
        ),
        (GpuRequest(count=2, exclusive=True), "2 GPUs, exclusive"),
        (
            GpuRequest(count=1, count_max=4, vram_bytes=1 << 30, where="sm >= 80", linked=True),
            "1 to 4 GPUs with 1.00 GB each, linked, where sm >= 80",
        ),
        (
            GpuRequest(count=2, mig="1g.10gb", shared=True, beside="wait"),
            "2 1g.10gb slices with all their free VRAM, shared, not beside others",
        ),
        (GpuRequest(count=1, exclusive=True, beside="share"), "1 GPU, exclusive, beside others"),
    ],
)
def test_what_was_asked_for(request_: GpuRequest, text: str) -> None:
    assert words.gpus_asked(request_) == text


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (HostRequest(), ""),
        (HostRequest(cpu_cores=1), "1 CPU core"),
        (
            HostRequest(cpu_cores=0.5, memory_bytes=32 << 30, disk_bytes=100 << 30),
            "0.5 CPU cores, 32.0 GB of memory, 100 GB of disk",
        ),
    ],
)
def test_what_was_asked_of_the_machine(request_: HostRequest, text: str) -> None:
    assert words.host_asked(request_) == text


def test_evidence_has_dates_and_repeats_no_sentence() -> None:
    lost = Reason(code="lost", text="Nobody saw its end.", data={"why": "Nobody saw its end."})
    assert list(evidence(lost)) == []
    paused = Reason(code="paused", text="The line is paused.", data={"since": 1795288930.13})
    ((name, said),) = evidence(paused)
    assert name == "since" and said.startswith("2026-11-2")


def test_a_machines_problems_are_its_note() -> None:
    low = Reason(code="low_disk", text="The disk is nearly full.")
    sick = MachineView(MACHINE, "box", Connecting(1.0), problems=(low, low))
    assert words.link_problem(sick) == f"{low.text} And 1 more: see 'lanherd status'."
    gpus = (GpuReading(uuid=GpuUuid("GPU-0")), GpuReading(uuid=GpuUuid("GPU-1"), cordon=low))
    telemetry = Telemetry(at=1.0, gpus=gpus)
    closed = MachineView(MACHINE, "box", Connecting(1.0), telemetry=telemetry)
    assert words.link_problem(closed) == "1 of 2 GPUs closed: see 'lanherd gpus'."


def test_a_pause_of_the_line_comes_first_in_a_note_and_one_of_a_tag_last() -> None:
    low = Reason(code="low_disk", text="The disk is nearly full.")
    box = MachineView(MACHINE, "box", Connecting(1.0))
    sick = MachineView(MACHINE, "box", Connecting(1.0), problems=(low,))
    whole = PauseView(since=1795288930.1, by="ada", note="Moving house.")
    of_tag = PauseView(since=1795288930.1, tag="night\x1b[2J")
    at = words.moment(1795288930.1)
    said = f"The line is paused by ada since {at}: Moving house."
    assert words.machine_note(box, (whole,)) == said
    assert words.machine_note(box, ()) == ""
    more = "more: see 'lanherd status'."
    assert words.machine_note(sick, (of_tag, whole)) == f"{said} And 2 {more}"
    assert words.machine_note(sick, (of_tag,)) == f"The disk is nearly full. And 1 {more}"
    told = words.machine_note(box, (of_tag,))
    assert told.startswith("Runs with the tag night") and told.endswith(f"paused since {at}.")
    assert "\x1b" not in told
    gone = MachineView(MACHINE, "box", Unreachable(1.0, GONE))
    assert words.machine_note(gone, (whole,)) == GONE.title


async def test_a_machine_that_does_not_say_whether_it_is_paused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def controls(machine: str) -> MachineControls:
        raise LanherdError(GONE)

    fleet: Any = SimpleNamespace(controls=controls)
    online = MachineView(MACHINE, "box", Online(1.0, "user", "0.1.0", "x", "me"))
    assert await look._pauses_of(fleet, online) is None
    told = capsys.readouterr().err
    assert "box: nobody knows whether it is paused." in told and GONE.title in told


# --- which runs ----------------------------------------------------------------------------------


def chosen(**said: Any) -> tuple[dict[str, Any], Any]:
    """What a machine is asked for, and what is looked at here."""
    usual: dict[str, Any] = {
        "states": (),
        "tags": (),
        "project": None,
        "mine": False,
        "sweep": None,
        "prefix": None,
        "after": None,
        "limit": 5,
        "machine": None,
    }
    link = Online(1.0, "user", "0.1.0", "x", "me")
    one = runs._Filter(**{**usual, **said})
    asked = one.asked(MachineView(MACHINE, "box", link))
    return {key: value for key, value in asked.items() if value}, one.wanted()


def test_a_machine_chooses_runs_by_what_is_said() -> None:
    waiting = ("queued", "preparing")
    assert chosen() == ({}, None)
    assert chosen(states=("ended", "waiting")) == ({"states": ("ended", *waiting)}, None)
    assert chosen(tags=("a", "z"), project="digits", sweep="s", prefix="re", mine=True) == (
        {
            "tags": ("a", "z"),
            "project": "digits",
            "group": "s",
            "name_prefix": "re",
            "owner": "me",
        },
        None,
    )
    assert chosen(states=("held",)) == ({"states": waiting, "held": True}, None)
    assert chosen(states=("failed", "running")) == (
        {"states": ("ended", "running"), "outcomes": ("failed",)},
        None,
    )
    assert chosen(states=("failed", "ended")) == ({"states": ("ended",)}, None)


def test_held_ones_among_others_are_chosen_here() -> None:
    asked, wanted = chosen(states=("held", "lost", "running"))
    assert asked == {
        "states": ("queued", "preparing", "ended", "running"),
        "outcomes": ("lost",),
    }
    assert wanted(FULL) and wanted(replace(FULL, state=running()))
    assert wanted(replace(FULL, state=ended("lost")))
    assert not wanted(replace(FULL, state=ended("failed")))
    assert not wanted(replace(FULL, settings=replace(FULL.settings, held=False)))


# --- rules ---------------------------------------------------------------------------------------


def changed(rules: RetentionRules, **said: Any) -> RetentionRules:
    nothing = dict.fromkeys((*retention._RULE_FIELDS, *retention._MACHINE_FIELDS))
    return retention.changed_rules(rules, {"project": "", "drop": False, **nothing, **said})


def test_what_is_not_said_of_the_rules_stays() -> None:
    everything = RetentionRule(age_s_max=5.0, runs_max=3)
    digits = RetentionRule(project="digits", runs_max=1)
    rules = RetentionRules(rules=(everything, digits), free_bytes_min=GIB)
    assert changed(rules, bytes_max=9).rules == (digits, replace(everything, bytes_max=9))
    assert changed(rules, age_s_max="none").rules == (digits, RetentionRule(runs_max=3))
    assert changed(rules, project="new", runs_max=2).rules[-1] == RetentionRule(
        project="new", runs_max=2
    )
    assert changed(rules, project="digits", runs_max="none").rules == (everything,)
    assert changed(rules, drop=True).rules == (digits,)
    machine = changed(rules, free_bytes_min="none", low_disk_bytes=4)
    assert (machine.free_bytes_min, machine.low_disk_bytes) == (None, 4)
    assert set(machine.rules) == set(rules.rules)


def test_that_no_disk_is_too_low_is_said_as_of_any_bound() -> None:
    low_disk = next(one for one in retention.set_command.params if one.name == "low_disk_bytes")
    context = click.Context(retention.set_command)
    none, some = (low_disk.type_cast_value(context, text) for text in ("none", "3GB"))
    assert (none, some) == (0, 3 * GIB)
    assert changed(RetentionRules(), low_disk_bytes=none).low_disk_bytes == 0
    assert "'none'" in str(getattr(low_disk, "help", ""))


@pytest.mark.parametrize(
    ("low_disk_bytes", "told"),
    [(0, "no bound: runs start however full the disk is"), (3 * GIB, "3.00 GB")],
)
def test_below_what_no_run_starts_is_shown(
    capsys: pytest.CaptureFixture[str], low_disk_bytes: int, told: str
) -> None:
    rules = RetentionRules(low_disk_bytes=low_disk_bytes)
    view = MachineView(MACHINE, "box", Connecting(1.0))
    retention._put_state(view, RetentionState(rules=rules))
    line = next(one for one in capsys.readouterr().out.splitlines() if "no run starts" in one)
    assert line.endswith(told)


def test_tab_offers_tags_and_projects(tmp_path: Path) -> None:
    remember(tmp_path, [], [RunRecord(MACHINE, FULL)])
    context = click.Context(click.Command("lanherd"))
    context.params["home"] = tmp_path
    option = click.Option(["--tag"])
    assert [item.value for item in complete_tag(context, option, "")] == ["a", "b"]
    assert [item.value for item in complete_tag(context, option, "b")] == ["b"]
    assert [item.value for item in complete_project(context, option, "")] == ["digits"]
    run = [(item.value, item.help) for item in complete_run(context, option, "")]
    assert run == [("train", "00000001"), ("00000001", "train")]
    assert [item.value for item in complete_run(context, option, "tr")] == ["train"]
