"""The fake job does as it is told, and its truth finds each byte that a log lacks or has twice."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.fake_job import command, line
from tests.support.job_truth import Printed, check_log, processes_of, read_truth
from tests.support.waiting import wait_until

KEY = "here-1"


def started(folder: Path, *options: str, attempt: int = 1) -> subprocess.Popen[bytes]:
    environment = {
        "PATH": os.defpath,
        "LANHERD_RUN_ID": "here",
        "LANHERD_ATTEMPT": str(attempt),
        "LANHERD_OUTPUTS": str(folder),
        "FAKE_JOB_TRUTH": str(folder),
    }
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            command(*options), env=environment, stdout=log, stderr=log, start_new_session=True
        )


def test_it_prints_and_tells_the_truth(tmp_path: Path) -> None:
    job = started(tmp_path, "--bytes", "100000", "--err-rate", "5000", "--seconds", "0.1")
    assert job.wait(20) == 0
    truth = read_truth(tmp_path, "here", 1)
    assert (len(truth.starts), truth.code, truth.signal) == (1, 0, None)
    assert truth.printed["o"] == Printed(100_000, 100_000)
    assert truth.printed["e"].done >= 500
    assert check_log((tmp_path / "log").read_bytes(), KEY, truth.printed).words == []


def test_a_killed_one_still_counts_right(tmp_path: Path) -> None:
    job = started(tmp_path, "--rate", "50000000", "--until", "/nowhere")
    wait_until(lambda: read_truth(tmp_path, "here", 1).printed.get("o", Printed()).done > 1_000_000)
    job.kill()
    job.wait()
    truth = read_truth(tmp_path, "here", 1)
    assert truth.ended_at is None
    assert truth.printed["o"].done <= truth.printed["o"].meant
    assert check_log((tmp_path / "log").read_bytes(), KEY, truth.printed).ok


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (("--exit", "3,0"), 0),
        (("--die", "SEGV"), -signal.SIGSEGV),
        (("--die", "KILL"), -signal.SIGKILL),
    ],
)
def test_how_it_ends(tmp_path: Path, options: tuple[str, ...], status: int) -> None:
    assert started(tmp_path, *options, attempt=2).wait(20) == status
    truth = read_truth(tmp_path, "here", 2)
    assert (truth.code, truth.signal) == ((0, None) if status == 0 else (None, -status))


def test_it_saves_when_told_to_stop(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    job = started(
        tmp_path, "--until", "/nowhere", "--on-term", "save", "--save-exit", "7",
        "--ready", str(ready), "--outputs", "2",
    )  # fmt: skip
    wait_until(ready.exists)
    job.send_signal(signal.SIGTERM)
    assert job.wait(20) == 7
    assert read_truth(tmp_path, "here", 1).told == (signal.SIGTERM,)
    assert {path.name for path in tmp_path.glob("*-0")} == {"output-0", "checkpoint-0"}


def test_what_it_leaves_behind_lives_on(tmp_path: Path) -> None:
    kinds = "plain,session,double,deaf,clean"
    job = started(
        tmp_path, "--leave", kinds, "--left-for", "30", "--storm", "2", "--storm-for", "0"
    )
    assert job.wait(20) == 0
    try:
        # The storm's ends with its first glance at the clock.
        wait_until(lambda: len(processes_of(tmp_path)) == len(kinds.split(",")))
    finally:
        for pid in processes_of(tmp_path):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not processes_of(tmp_path))


@pytest.mark.parametrize(
    ("numbers", "tail", "wrong"),
    [
        ((0, 1, 2, 3), b"", ""),
        ((0, 1, 3), b"", "lost"),
        ((1, 2, 3), b"", "lost"),
        ((0, 1, 2), b"", "lost"),
        ((0, 1, 1, 2, 3), b"", "doubled"),
        ((0, 1, 2, 3, 4), b"", "doubled"),
        ((0, 1, 2, 3), b"o 000", "strange"),
        ((0, 1, 2, 3), line("other-1", "o", 4, 50), "strange"),
    ],
)
def test_a_wrong_log_is_found(numbers: tuple[int, ...], tail: bytes, wrong: str) -> None:
    data = b"".join(line(KEY, "o", number, 50) for number in numbers) + tail
    check = check_log(data, KEY, {"o": Printed(done=200, meant=200)})
    found = [kind for kind in ("lost", "doubled", "strange") if getattr(check, kind)]
    assert found == ([wrong] if wrong else [])
    assert check.ok == (not wrong)
