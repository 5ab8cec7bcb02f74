"""What an attempt is started with."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from lanherd_agent.core.effects import StartAttempt
from lanherd_agent.core.events import Prepared
from lanherd_agent.core.rules import Rules
from lanherd_agent.execution.layout import Surroundings, inherited, spec_of
from lanherd_agent.runs.rundir import AttemptDir, RunNote, Spec, read_spec, write_spec
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import EnvironmentId, GpuUuid, RunId
from lanherd_protocol.values import (
    Lease,
    LeasedGpu,
    LogRule,
    RetryRule,
    RunSettings,
    RunSpec,
    StopRule,
)

AROUND = Surroundings("box", {"PATH": "/bin", "HOME": "/root"}, Rules(log_bytes_max=777))
LEASE = Lease(
    gpus=tuple(LeasedGpu(index=n, uuid=GpuUuid(f"GPU-{n}"), vram_bytes=1) for n in (1, 3))
)


def laid_out(attempt: int = 1, secrets: Path | None = None, **more: Any) -> tuple[AttemptDir, Spec]:
    directory = AttemptDir.of(Path(os.environ["HOME"]), "a-run", attempt)
    directory.make()
    effect = StartAttempt(
        run=RunId("a-run"),
        attempt=attempt,
        spec=RunSpec(command=("train", "--fast"), **more),
        lease=LEASE,
        prepared=Prepared(environment=EnvironmentId("e" * 64)),
        owner="ada",
        submitted_at=12.5,
        ordinal=7,
        settings=RunSettings(tags=("night",)),
    )
    return directory, spec_of(effect, directory, None, secrets, AROUND)


def test_as_simple_as_can_be() -> None:
    directory, spec = laid_out()
    assert spec.argv == ("train", "--fast")
    assert spec.cwd == str(directory.tree)
    assert spec.err is None
    assert (spec.niceness, spec.time_limit_s, spec.log_bytes_max) == (0, None, 777)
    assert (spec.stop_signal, spec.stop_grace_s) == (signal.SIGTERM, 10.0)
    assert "LANHERD_SECRETS" not in spec.env
    assert "LANHERD_EARLIER_OUTPUTS" not in spec.env


def test_the_folder_that_a_command_is_told_is_the_one_it_begins_in() -> None:
    """And not that of the shell which began the agent."""
    directory, spec = laid_out()
    assert spec.env["PWD"] == spec.cwd == str(directory.tree)
    (directory.tree / "sub").mkdir()
    _, spec = laid_out(directory="sub")
    assert spec.env["PWD"] == spec.cwd == str(directory.tree / "sub")
    _, spec = laid_out(variables={"PWD": "/elsewhere"})
    assert spec.env["PWD"] == "/elsewhere", "as its owner wants it"
    shell = {"PWD": "/root", "OLDPWD": "/", "_": "/bin/agent", "SHLVL": "2", "LANG": "C"}
    assert inherited(shell) == {"LANG": "C", "PYTHONUNBUFFERED": "1"}


def test_all_rules() -> None:
    _, spec = laid_out(
        niceness=7,
        time_limit_s=90.0,
        stop=StopRule(signal="USR1", grace_s=3.0),
        log=LogRule(split=True, bytes_max=1 << 20),
    )
    assert (spec.niceness, spec.time_limit_s, spec.log_bytes_max) == (7, 90.0, 1 << 20)
    assert (spec.stop_signal, spec.stop_grace_s, spec.err) == (signal.SIGUSR1, 3.0, "log.err")


def test_what_a_lost_database_is_rebuilt_from() -> None:
    directory, spec = laid_out(name="n")
    assert spec.run == RunNote(
        spec=RunSpec(command=("train", "--fast"), name="n"),
        owner="ada",
        submitted_at=12.5,
        ordinal=7,
        settings=RunSettings(tags=("night",)),
        lease=LEASE,
        environment=EnvironmentId("e" * 64),
    )
    write_spec(directory, spec)
    assert read_spec(directory) == spec


def test_variables() -> None:
    secrets = Path("/home/secrets/a-run")
    directory, spec = laid_out(
        secrets=secrets,
        name="night",
        project="vision",
        variables={"SEED": "1", "HOME": "/mine", "LANHERD_RUN_ID": "forged"},
        retry=RetryRule(attempts_max=4),
    )
    assert spec.env == {
        "PATH": "/bin",
        "HOME": "/mine",
        "PWD": str(directory.tree),
        "SEED": "1",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": "GPU-1,GPU-3",
        "NVIDIA_VISIBLE_DEVICES": "GPU-1,GPU-3",
        "LANHERD_RUN_ID": "a-run",
        "LANHERD_RUN_NAME": "night",
        "LANHERD_PROJECT": "vision",
        "LANHERD_MACHINE": "box",
        "LANHERD_SUBMITTED_AT": "12.500000",
        "LANHERD_ATTEMPT": "1",
        "LANHERD_ATTEMPTS_MAX": "4",
        "LANHERD_GPUS": "1,3",
        "LANHERD_OUTPUTS": str(directory.outputs),
        "LANHERD_SECRETS": str(secrets),
    }


def test_the_outputs_of_the_last_attempt_that_left_any() -> None:
    first, _ = laid_out(1)
    _, spec = laid_out(2)
    assert "LANHERD_EARLIER_OUTPUTS" not in spec.env
    (first.outputs / "checkpoint").write_text("epoch 3")
    _, spec = laid_out(3)
    assert spec.env["LANHERD_EARLIER_OUTPUTS"] == str(first.outputs)


def test_stages_before_and_after() -> None:
    directory, spec = laid_out(pre_command=("prepare", "x"), post_command=("tidy",))
    assert spec.argv[0] == sys.executable
    assert spec.argv[-8:] == (
        str(directory.path),
        "2",
        "2",
        "prepare",
        "x",
        "train",
        "--fast",
        "tidy",
    )
    assert laid_out(post_command=("tidy",))[1].argv[-5:-3] == ("0", "2")


def test_where_it_begins() -> None:
    directory, _ = laid_out()
    (directory.tree / "src" / "deep").mkdir(parents=True)
    assert laid_out(directory="src/deep")[1].cwd == str(directory.tree / "src" / "deep")
    assert laid_out(directory="/usr")[1].cwd == "/usr"
    (directory.tree / "out").symlink_to("/usr")
    (directory.tree / "file").write_text("")
    for wrong, words in (
        ("nowhere", "The project as it was sent"),
        ("file", "The project as it was sent"),
        ("/nowhere", "on the machine"),
        ("out", "leads out"),
        ("..", "leads out"),
    ):
        with pytest.raises(LanherdError) as refused:
            laid_out(directory=wrong)
        assert refused.value.code is ErrorCode.NOT_FOUND
        assert words in refused.value.failure.message


@pytest.mark.expects_logs("UTF-8", reason="a variable that no spec can hold")
def test_what_is_inherited() -> None:
    given = {"PATH": "/bin", "LANHERD_HOME": "x", "PYTHONPATH": "x", "BAD": "\udc80"}
    assert inherited(given) == {"PATH": "/bin", "PYTHONUNBUFFERED": "1"}
    assert inherited({"PYTHONUNBUFFERED": ""})["PYTHONUNBUFFERED"] == ""
