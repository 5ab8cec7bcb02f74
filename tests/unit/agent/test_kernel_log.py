"""Whom the kernel killed for memory: its log, as it writes it, and what a run is told by it."""

import json
import os
import time
from pathlib import Path

import pytest

from lanherd_agent.execution import causes, kernel_log
from lanherd_agent.execution.causes import KernelKills, find_cause, memory_events
from lanherd_agent.execution.kernel_log import Kills, find_kills, kills_since
from lanherd_agent.runs import cgroups
from lanherd_agent.runs.rundir import AttemptDir
from lanherd_protocol.values import Reason

RECORDS = b"""5,0,0,-;Linux version 6.1.0
6,800,90000000,-;usb 1-1: new device
 SUBSYSTEM=usb
3,901,100000000,-;Out of memory: Killed process 11 (python) total-vm:9kB, UID:1000 oom_score_adj:0
6,902,100000100,-;oom-kill:constraint=CONSTRAINT_MEMCG,task_memcg=/a,task=a,pid=b,pid=22,uid=0
3,903,100000200,c;Memory cgroup out of memory: Killed process 33 (a) b) Killed process 44 (x)
12,904,100000300,-;Out of memory: Killed process 55 (written by a program)
6,905,100000400,-;oom_reaper: reaped process 66 (python), now anon-rss:0kB
"""


def test_the_kernels_own_lines_are_read() -> None:
    assert find_kills(RECORDS, 0.0) == Kills(frozenset({11, 22, 33}), complete=True)


def test_what_is_missing_of_the_time_is_known() -> None:
    later = RECORDS.partition(b"\n")[2]
    assert find_kills(later, 100000150.0) == Kills(frozenset({33}), complete=True)
    assert find_kills(later, 80000000.0).complete is False
    assert find_kills(RECORDS, 0.0, whole=False).complete is False
    assert find_kills(b"", 0.0) == Kills(frozenset(), complete=False)


def namespace_like_the_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    file = tmp_path / "pid"
    file.touch()
    monkeypatch.setattr(kernel_log, "FIRST_NAMESPACE", file.stat().st_ino)
    return file


def test_the_log_is_read_from_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kmsg = tmp_path / "kmsg"
    namespace = namespace_like_the_first(monkeypatch, tmp_path)
    assert kills_since(0.0, kmsg, namespace) is None
    now_us = int(time.monotonic() * 1e6)
    kmsg.write_bytes(b"3,7,%d,-;Out of memory: Killed process 77 (python)\n" % now_us)
    assert kills_since(time.time() - 1, kmsg, namespace) == Kills(frozenset({77}), complete=False)
    assert kills_since(time.time() + 60, kmsg, namespace) == Kills(frozenset(), complete=True)
    assert kills_since(0.0, kmsg, kmsg) is None, "another namespace has other pids"


def test_records_that_were_overwritten_are_known_to_be_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answers: list[bytes | OSError] = [RECORDS, BrokenPipeError(), BlockingIOError()]

    def read(descriptor: int, size: int) -> bytes:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    namespace = namespace_like_the_first(monkeypatch, tmp_path)
    monkeypatch.setattr(os, "read", read)
    answers[1] = OSError(32, "Broken pipe")
    kills = kills_since(0.0, Path("/dev/null"), namespace)
    assert kills is not None and kills.complete is False
    answers.append(OSError(5, "I/O error"))
    assert kills_since(0.0, Path("/dev/null"), namespace) is None


def attempt(tmp_path: Path, *, stages: bool = False) -> AttemptDir:
    directory = AttemptDir(tmp_path / "runs" / "run" / "1")
    directory.path.mkdir(parents=True)
    start = {
        "boot_id": "b" * 36, "pid": 4242, "start_time": 1, "shim_pid": 1, "shim_start_time": 1,
        "at": time.time() - 5,
    }  # fmt: skip
    (directory.path / "start.json").write_text(json.dumps(start))
    if stages:
        (directory.path / "stages.json").write_text('{"command": {"signal": 9}}')
    return directory


def told(
    monkeypatch: pytest.MonkeyPatch,
    directory: AttemptDir,
    kills: Kills | None,
    code: int | None = None,
) -> Reason | None:
    monkeypatch.setattr(causes, "kills_since", lambda at: kills)
    signal = 9 if code is None else None
    return find_cause(directory, code, signal, out_of_memory=True)


@pytest.mark.parametrize(
    ("kills", "whom"),
    [
        (Kills(frozenset({4242}), complete=False), "run"),
        (Kills(frozenset({5}), complete=False), "machine"),
        (Kills(frozenset({5}), complete=True), None),
        (None, "machine"),
    ],
)
def test_a_run_that_was_killed_is_told_as_much_as_is_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kills: Kills | None, whom: str | None
) -> None:
    cause = told(monkeypatch, attempt(tmp_path), kills)
    assert (None if cause is None else cause.data["killed"]) == whom
    if cause is not None:
        assert ("perhaps" in cause.text) is (whom == "machine")


def test_what_it_had_started_may_have_been_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    others = Kills(frozenset({5}), complete=True)
    cause = told(monkeypatch, attempt(tmp_path), others, 137)
    assert cause is not None and cause.data["killed"] == "machine"
    cause = told(monkeypatch, attempt(tmp_path / "staged", stages=True), others)
    assert cause is not None and cause.data["killed"] == "machine"


def test_a_start_that_cannot_be_trusted_says_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    directory = attempt(tmp_path)
    (directory.path / "start.json").write_text("{")
    cause = told(monkeypatch, directory, Kills(frozenset({4242}), complete=True))
    assert cause is not None and cause.data["killed"] == "machine"


def test_a_cgroup_of_their_own_counts_for_the_runs_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LANHERD_CGROUP", str(tmp_path))
    assert memory_events() is None
    events = tmp_path / "memory.events"
    events.write_text("oom 3\noom_kill 1\noom_group_kill 0\n")
    assert memory_events() == events
    kills = KernelKills()
    assert not kills.since(0.0)
    events.write_text("oom 9\noom_kill 2\noom_group_kill 0\n")
    assert kills.since(0.0)
    cause = told(monkeypatch, attempt(tmp_path), None)
    assert cause is not None and cause.data["killed"] == "runs"
    monkeypatch.setenv("LANHERD_CGROUP", "delegated")
    monkeypatch.setattr(cgroups, "own_cgroup", lambda: str(tmp_path))
    assert memory_events() == events

    def none() -> str:
        raise FileNotFoundError

    monkeypatch.setattr(cgroups, "own_cgroup", none)
    assert memory_events() is None
    monkeypatch.delenv("LANHERD_CGROUP")
    assert memory_events() is None


def test_a_kill_of_a_while_ago_was_not_that_of_one_that_ends_now(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    vmstat = tmp_path / "vmstat"
    vmstat.write_text("oom_kill 1\n")
    kills = KernelKills(vmstat)
    vmstat.write_text("oom_kill 2\n")
    assert kills.since(0.0)
    assert kills.since(0.0), "two may have been killed at once"
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + causes.FRESH_S + 1)
    assert not kills.since(0.0)
