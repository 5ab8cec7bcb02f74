import os
import signal
import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from lanherd_agent.runs import processes, rundir, shim
from lanherd_protocol.ids import EnvironmentId, GpuUuid
from lanherd_protocol.values import Lease, LeasedGpu, RetryRule, RunSettings, RunSpec

START = rundir.Start(boot_id="b", pid=7, start_time=8, shim_pid=5, shim_start_time=6, at=1.5)


@pytest.fixture
def attempt(tmp_path: Path) -> rundir.AttemptDir:
    directory = rundir.AttemptDir.of(tmp_path, "run", 2)
    directory.make()
    return directory


def flaw_of(path: Path) -> rundir.Flaw:
    with pytest.raises(rundir.RunDirError) as raised:
        rundir.read_start(rundir.AttemptDir(path))
    assert raised.value.path == path / "start.json"
    return raised.value.flaw


def test_a_directory_knows_its_run_and_attempt(attempt: rundir.AttemptDir) -> None:
    assert (attempt.run_id, attempt.attempt) == ("run", 2)
    assert attempt.tree.is_dir()
    assert attempt.outputs.is_dir()
    attempt.make()


def test_missing_files_are_none(attempt: rundir.AttemptDir) -> None:
    assert rundir.read_spec(attempt) is None
    assert rundir.read_start(attempt) is None
    assert rundir.read_exit(attempt) is None


def test_a_spec_is_read_as_it_was_written_and_as_the_shim_reads_it(
    attempt: rundir.AttemptDir,
) -> None:
    spec = rundir.Spec(argv=("a", "ü"), cwd="/", env={"A": "1"})
    rundir.write_spec(attempt, spec)
    assert rundir.read_spec(attempt) == spec
    dir_fd = shim.open_directory(str(attempt.path))
    try:
        assert shim.read_spec(dir_fd)["argv"] == ["a", "ü"]
    finally:
        os.close(dir_fd)
    assert sorted(os.listdir(attempt.path)) == ["outputs", "spec.json", "tree"]


def test_what_the_shim_writes_is_what_is_read(attempt: rundir.AttemptDir) -> None:
    values = b"b", 7, 8, 5, 6, 1.5
    attempt.start.write_bytes(shim.START % values)
    assert rundir.read_start(attempt) == START
    attempt.exit.write_bytes(shim.exit_record(b"shim", 2.5, 3 << 8, None, None, left=4))
    assert rundir.read_exit(attempt) == rundir.Exit(at=2.5, code=3, left=4)
    attempt.exit.write_bytes(shim.exit_record(b"launcher", 2.5, 9, None, None))
    assert rundir.read_exit(attempt) == rundir.Exit(at=2.5, signal=9, witness="launcher")
    error = shim.failure("exec", FileNotFoundError(2, "no"))
    attempt.exit.write_bytes(shim.exit_record(b"shim", 2.5, None, None, error))
    read = rundir.read_exit(attempt)
    assert read is not None
    assert read.error == rundir.ExitError(kind="exec", errno=2, text="no")


def test_the_claim_has_one_length_with_and_without_a_pid() -> None:
    claim = shim.START % (b"b", 0, 0, 5, 6, 1.5)
    assert len(claim) == len(shim.START % (b"b", 4194304, 10**12, 5, 6, 1.5))


@pytest.mark.parametrize(
    ("content", "flaw"),
    [
        (b"", rundir.Flaw.TORN),
        (b'{"boot_id": "b", "pi', rundir.Flaw.TORN),
        (b'{"boot_id": "b"}', rundir.Flaw.INVALID),
        (b"[]", rundir.Flaw.INVALID),
        (b" " * (rundir.RECORD_BYTES_MAX + 1), rundir.Flaw.TOO_LARGE),
    ],
)
def test_content_that_cannot_be_trusted(
    attempt: rundir.AttemptDir, content: bytes, flaw: rundir.Flaw
) -> None:
    attempt.start.write_bytes(content)
    assert flaw_of(attempt.path) is flaw
    assert attempt.start.read_bytes() == content


def test_links_pipes_and_folders_are_refused(attempt: rundir.AttemptDir) -> None:
    target = attempt.path / "target"
    target.write_bytes(msgspec.json.encode(START))
    attempt.start.symlink_to(target)
    assert flaw_of(attempt.path) is rundir.Flaw.NOT_PLAIN
    assert attempt.start.is_symlink()
    attempt.start.unlink()
    os.mkfifo(attempt.start)
    assert flaw_of(attempt.path) is rundir.Flaw.NOT_PLAIN
    attempt.start.unlink()
    attempt.start.mkdir()
    assert flaw_of(attempt.path) is rundir.Flaw.NOT_PLAIN


def test_another_users_file_is_refused(
    attempt: rundir.AttemptDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt.start.write_bytes(msgspec.json.encode(START))
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert flaw_of(attempt.path) is rundir.Flaw.FOREIGN


@pytest.mark.parametrize(
    "content",
    [b'{"at": 1}', b'{"at": 1, "code": 0, "signal": 9}', b'{"at": 1, "code": true}'],
)
def test_an_exit_is_exactly_one_thing(attempt: rundir.AttemptDir, content: bytes) -> None:
    attempt.exit.write_bytes(content)
    with pytest.raises(rundir.RunDirError) as raised:
        rundir.read_exit(attempt)
    assert raised.value.flaw is rundir.Flaw.INVALID


def test_a_scan_tells_of_every_attempt_in_order(tmp_path: Path) -> None:
    assert list(rundir.scan(tmp_path)) == []
    for run, number in (("b", 10), ("b", 9), ("a", 1)):
        rundir.AttemptDir.of(tmp_path, run, number).make()
    (tmp_path / "runs" / "a" / "notes").mkdir()
    (tmp_path / "runs" / "linked").symlink_to(tmp_path / "runs" / "a")
    rundir.AttemptDir.of(tmp_path, "b", 9).start.write_bytes(b"{")
    rundir.AttemptDir.of(tmp_path, "b", 10).start.write_bytes(msgspec.json.encode(START))
    found = list(rundir.scan(tmp_path))
    assert [(s.directory.run_id, s.directory.attempt) for s in found] == [
        ("a", 1),
        ("b", 9),
        ("b", 10),
    ]
    assert isinstance(found[1].start, rundir.RunDirError)
    assert found[2].start == START
    assert found[2].exit is None


def test_alive_is_this_boot_this_pid_and_this_start_time() -> None:
    child = subprocess.Popen(["sleep", "60"])
    try:
        started = processes.start_time(child.pid)
        start = rundir.Start(
            boot_id=rundir.boot_id(),
            pid=child.pid,
            start_time=started,
            shim_pid=0,
            shim_start_time=0,
            at=0,
        )
        assert rundir.is_alive(start)
        assert not rundir.is_alive(msgspec.structs.replace(start, boot_id="another"))
        assert not rundir.is_alive(msgspec.structs.replace(start, start_time=started + 1))
        fd = rundir.open_process(child.pid, started)
        assert fd is not None
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        os.waitid(os.P_PIDFD, fd, os.WEXITED | os.WNOWAIT)
        os.close(fd)
        assert not rundir.is_alive(start), "a zombie has ended"
    finally:
        child.kill()
        child.wait()
    assert not rundir.is_alive(start)
    assert not processes.send_signal(start.pid, start.start_time, signal.SIGKILL)


def test_a_pid_of_another_process_is_never_signalled() -> None:
    child = subprocess.Popen(["sleep", "60"])
    try:
        started = processes.start_time(child.pid)
        assert not processes.send_signal(child.pid, started + 1, signal.SIGKILL)
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()


def test_a_spec_carries_what_a_lost_database_is_rebuilt_from(attempt: rundir.AttemptDir) -> None:
    note = rundir.RunNote(
        spec=RunSpec(command=("train",), retry=RetryRule(attempts_max=3)),
        owner="someone",
        submitted_at=1.5,
        ordinal=7,
        settings=RunSettings(priority=2, tags=("a",)),
        lease=Lease(gpus=(LeasedGpu(index=0, uuid=GpuUuid("GPU-1"), vram_bytes=5),)),
        environment=EnvironmentId("e" * 64),
    )
    spec = rundir.Spec(argv=("a",), cwd="/", env={}, err="log.err", log_bytes_max=1, run=note)
    rundir.write_spec(attempt, spec)
    assert rundir.read_spec(attempt) == spec


def test_settings_are_beside_the_attempts_of_a_run_that_has_some(tmp_path: Path) -> None:
    settings = RunSettings(priority=5, pinned=True)
    assert rundir.write_settings(tmp_path, "run", settings) is False
    assert rundir.read_settings(tmp_path, "run") is None
    rundir.AttemptDir.of(tmp_path, "run", 1).make()
    assert rundir.write_settings(tmp_path, "run", settings) is True
    assert rundir.read_settings(tmp_path, "run") == settings
    assert os.listdir(tmp_path / "runs") == ["run"]
    assert sorted(os.listdir(tmp_path / "runs" / "run")) == ["1", "settings.json"]
    assert [found.directory.attempt for found in rundir.scan(tmp_path)] == [1]


def test_stages_are_told_as_far_as_they_came(attempt: rundir.AttemptDir) -> None:
    assert rundir.read_stages(attempt) is None
    attempt.stages.write_text('{"pre": {"code": 0}, "command": {"signal": 9}, "post": null}')
    stages = rundir.read_stages(attempt)
    assert stages is not None
    assert stages.pre is not None
    assert stages.pre.succeeded
    assert stages.command == rundir.StageEnd(signal=9)
    assert stages.post is None


def test_each_log_has_its_gap_and_its_times(attempt: rundir.AttemptDir) -> None:
    names = [
        [path.name for path in (logs.log, logs.gap, logs.times)]
        for logs in (rundir.log_paths(attempt), rundir.log_paths(attempt, "err"))
    ]
    assert names == [["log", "log.gap", "log.times"], ["log.err", "log.err.gap", "log.err.times"]]


def test_what_has_elapsed_is_told_by_the_start_of_the_process() -> None:
    pid = os.getpid()
    own = msgspec.structs.replace(START, pid=pid, start_time=processes.start_time(pid))
    elapsed_s = rundir.elapsed_s(own)
    assert 0.0 <= elapsed_s < 3600.0
    a_second_earlier = msgspec.structs.replace(own, start_time=own.start_time - rundir.TICKS_PER_S)
    assert 0.9 < rundir.elapsed_s(a_second_earlier) - elapsed_s < 1.5
    unknown = msgspec.structs.replace(START, pid=0, at=time.time() + 1000.0)
    assert rundir.elapsed_s(unknown) == 0.0
