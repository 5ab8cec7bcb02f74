"""Projects, locks and commands that are no good, as a person meets them: `lanherd run` against a
real agent, its exit code and its words."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.wheels import make_wheel, requirement
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.lanherd_command import LANHERD, WITHIN_S, call_text

# Without any capability, so that also root can't read what is closed to it.
POWERLESS = ("unshare", "--user", "--")


@pytest.fixture(scope="module")
def machine() -> Iterator[AgentProcess]:
    with agent_process(Path(os.environ["HOME"]) / "projects") as running:
        yield running
        assert "Traceback" not in running.log, running.log


@pytest.fixture
def agent(machine: AgentProcess) -> AgentProcess:
    lanherd("pair", "--socket", str(machine.socket))
    return machine


@pytest.fixture
def project() -> Path:
    folder = Path(os.environ["HOME"]) / "project"
    folder.mkdir()
    (folder / "train.py").write_text("print('trained')\n")
    return folder


def lanherd(
    *arguments: str, code: int = 0, within: tuple[str, ...] = ()
) -> "subprocess.CompletedProcess[str]":
    if within:
        done = subprocess.run(
            [*within, *LANHERD, *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
        )
    else:
        done = call_text(*arguments)
    assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def read(*arguments: str) -> Any:
    return json.loads(lanherd(*arguments, "--json").stdout)


def submitted(project: Path, *command: str, code: int = 1, within: tuple[str, ...] = ()) -> str:
    """What `lanherd run --project` says of a project that it doesn't take."""
    before = [run["run"] for run in read("runs")]
    done = lanherd("run", "--project", str(project), "--", *command, code=code, within=within)
    assert done.stdout == ""
    assert [run["run"] for run in read("runs")] == before, "nothing was taken"
    return done.stderr


def test_a_project_that_is_not_there(agent: AgentProcess, project: Path) -> None:
    gone = project / "gone"
    assert str(gone) in submitted(gone, "true")
    assert str(project / "train.py") in submitted(project / "train.py", "true")


def test_a_project_that_is_empty(agent: AgentProcess, project: Path) -> None:
    empty = project / "empty"
    empty.mkdir()
    assert f"{empty}" in submitted(empty, "true")
    # What is ignored is as good as not there.
    (empty / "__pycache__").mkdir()
    (empty / "__pycache__" / "train.pyc").write_text("")
    assert f"{empty}" in submitted(empty, "true")


def test_a_project_that_can_not_be_read(agent: AgentProcess, project: Path) -> None:
    secret = project / "weights.bin"
    secret.write_text("weights")
    secret.chmod(0)
    words = submitted(project, "true", within=POWERLESS)
    assert "weights.bin" in words
    assert "Permission denied" in words
    secret.unlink()
    below = project / "data"
    below.mkdir()
    (below / "rows.csv").write_text("1")
    below.chmod(0)
    words = submitted(project, "true", within=POWERLESS)
    assert "data" in words
    assert "Permission denied" in words
    below.chmod(0o700)
    os.mkfifo(project / "pipe")
    assert "pipe" in submitted(project, "true")


@contextmanager
def written_all_the_time(file: Path) -> Iterator[None]:
    code = f"""
import itertools, os
fd = os.open({str(file)!r}, os.O_WRONLY | os.O_CREAT)
for turn in itertools.count():
    os.pwrite(fd, b"%d" % turn * 100000, 0)
    if turn == 2: print("writing", flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"writing\n"
        try:
            yield
        finally:
            writer.kill()


def test_a_project_that_changes_while_it_is_read(agent: AgentProcess, project: Path) -> None:
    log = project / "train.log"
    with written_all_the_time(log):
        words = submitted(project, "true")
    assert "train.log" in words
    assert "chang" in words
    # At rest it is taken.
    lanherd("run", "-f", "--project", str(project), "--", "true")


def test_a_lock_that_can_not_be_resolved(agent: AgentProcess, project: Path) -> None:
    wheels = Path(os.environ["HOME"]) / "wheels"
    real = requirement("tiny", make_wheel(wheels, "tiny"))
    wrong = real.partition("sha256:")[0] + "sha256:" + "0" * 64 + "\n"
    (project / "requirements.txt").write_text(
        f"--no-index\n--find-links {wheels}\n{wrong}nosuchpackage==9.9 --hash=sha256:{'1' * 64}\n"
    )
    run = ("run", "-f", "--name", "locked", "--project", str(project), "--", "python", "train.py")
    done = lanherd(*run, code=1)
    assert done.stdout == ""
    shown = read("show", "locked")
    assert (shown["state"], shown["outcome"]) == ("ended", "failed")
    # The resolver's own words: on the screen, in the run's reason, and in the build's log.
    for words in (
        done.stderr,
        shown["reason"]["text"],
        lanherd("logs", "--build", "locked").stdout,
    ):
        assert "nosuchpackage" in words, words
    assert "nosuchpackage" in lanherd("logs", "--build", "-f", "locked").stdout
    assert "nosuchpackage" in lanherd("show", "locked").stdout
    assert lanherd("logs", "locked").stdout == ""
    # It was no GPU's affair.
    assert shown["gpus"] == []


def test_a_lock_that_is_no_lock(agent: AgentProcess, project: Path) -> None:
    nothing = "sha256:" + "0" * 64
    (project / "requirements.txt").write_text(f"tiny ==== what --hash={nothing}\n")
    run = ("run", "-f", "--name", "nonsense", "--project", str(project), "--", "true")
    words = lanherd(*run, code=1).stderr
    assert "requirements.txt" in words
    (project / "requirements.txt").unlink()
    (project / "uv.lock").write_text("no [toml\n")
    assert "uv.lock" in lanherd(*run, code=1).stderr


def test_commands_that_can_not_be_run(agent: AgentProcess, project: Path) -> None:
    run = ("run", "-f", "--project", str(project), "--")
    assert "There is no command 'tarin'" in lanherd(*run, "tarin", code=1).stderr
    assert "There is no command './tarin.py'" in lanherd(*run, "./tarin.py", code=1).stderr
    words = lanherd(*run, "./train.py", code=1).stderr
    assert "can't be run" in words
    assert "Permission denied" in words
    script = project / "train.sh"
    script.write_text("#!/no/such/shell\n")
    script.chmod(0o755)
    assert "the interpreter" in lanherd(*run, "./train.sh", code=1).stderr
    script.write_text("echo hello\n")
    unmarked = lanherd(*run, "./train.sh", code=1).stderr
    assert "has no interpreter line" in unmarked and "bash ./train.sh" in unmarked
    script.write_bytes(b"\x7fELF nothing of the kind")
    assert "can't be run" in lanherd(*run, "./train.sh", code=1).stderr
    assert "Is a directory" in lanherd(*run, "/", code=1).stderr or "Permission" in words
    assert lanherd("run", "--project", str(project), code=2).stdout == ""


def test_more_than_the_machine_has(agent: AgentProcess) -> None:
    before = len(read("runs"))
    for wanted in (("--gpus", "3"), ("--gpus", "1", "--vram", "25GB")):
        words = lanherd("run", *wanted, "--", "true", code=2).stderr
        assert "2 GPUs" in words, words
        assert "24" in words
    assert len(read("runs")) == before


def test_a_key_that_the_machine_does_not_know(agent: AgentProcess) -> None:
    home = Path(os.environ["LANHERD_HOME"])
    for name in ("key.pem", "cert.pem"):
        (home / "identity" / name).unlink()
    done = lanherd("run", "--", "true", code=4)
    assert "isn't paired" in done.stderr
    assert "pair" in done.stderr.lower()
    (machine,) = read("machines")
    assert machine["link"] == "refused"
    lanherd("pair", "--socket", str(agent.socket))
    lanherd("run", "-f", "--", "true")
