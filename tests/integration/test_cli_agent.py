"""The `lanherd` command against a real agent: what a person types, and what a script reads."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.agent_process import AgentProcess, agent_process
from tests.support.lanherd_command import LANHERD, WITHIN_S, call_text


@pytest.fixture
def folder() -> Path:
    return Path(os.environ["HOME"])


@pytest.fixture
def agent(folder: Path) -> Iterator[AgentProcess]:
    with agent_process(folder / "agent") as running:
        lanherd("pair")
        yield running


def lanherd(*arguments: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
    done = call_text(*arguments)
    assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def read(*arguments: str) -> Any:
    return json.loads(lanherd(*arguments, "--json").stdout)


def test_pairs_and_lists(agent: AgentProcess) -> None:
    (machine,) = read("machines")
    assert (machine["name"], machine["link"], machine["simulated"]) == ("box", "online", True)
    gpus = read("gpus")
    assert [gpu["simulated"] for gpu in gpus] == [True, True]
    assert [gpu["index"] for gpu in gpus] == [0, 1]
    assert {gpu["vram_bytes"] for gpu in gpus} == {24 << 30}
    assert {gpu["machine"] for gpu in gpus} == {machine["machine"]}
    assert read("status")[0]["pid"] == agent.pid
    assert read("runs") == []
    shown = lanherd("machines")
    assert "2 (simulated)" in shown.stdout
    assert "(simulated)" in lanherd("gpus").stdout
    assert f"process {agent.pid}" in lanherd("status").stdout
    assert "No runs." in lanherd("runs").stderr
    # Paired already: nothing else is seen; by its name it may be paired again.
    assert "No unpaired agent" in lanherd("pair", code=5).stderr
    assert lanherd("pair", "box").stdout == "box\n"
    assert lanherd("pair", "--socket", str(agent.socket)).stdout == "box\n"


def test_where_a_run_goes_is_said_of_one_that_goes_there(agent: AgentProcess) -> None:
    impossible = lanherd("run", "--gpus", "1", "--vram", "9TB", "--", "true", code=2).stderr
    assert "can never be met" in impossible and "Goes to" not in impossible
    assert lanherd("run", "--hold", "--", "true").stderr.startswith("Goes to box")


def test_a_run_from_its_project_to_its_output(agent: AgentProcess, folder: Path) -> None:
    project = folder / "project"
    project.mkdir()
    (project / "train.sh").write_text('echo "$A"; echo done > "$LANHERD_OUTPUTS/result.txt"')
    options = ["--project", str(project), "--gpus", "1", "--vram", "2GB", "--env", "A=b"]
    taken = lanherd("run", *options, "--name", "train", "--", "sh", "train.sh")
    identifier = taken.stdout.strip()
    assert "Goes to box" in taken.stderr
    # By its beginning, as far as no other of these seconds shares it.
    followed = lanherd("logs", "-f", identifier[:-4])
    assert followed.stdout == "b\n"
    shown = read("show", identifier[-8:])
    assert (shown["run"], shown["project"], shown["gpus_requested"]) == (identifier, "project", 1)
    assert shown["vram_requested_bytes"] == 2 << 30
    assert lanherd("logs", "train").stdout == "b\n"
    (line,) = lanherd("logs", "train", "--json").stdout.splitlines()
    assert json.loads(line) == {"attempt": 1, "offset": 0, "text": "b"}
    assert lanherd("logs", "train", "--offset", "1").stdout == "\n"
    assert [entry["path"] for entry in read("outputs", "train")["outputs"]] == ["result.txt"]
    assert "result.txt" in lanherd("outputs", "train").stdout
    target = folder / "fetched.txt"
    fetched = lanherd("fetch", "train", "result.txt", "-o", str(target))
    assert fetched.stdout == f"{target}\n"
    assert target.read_text() == "done\n"
    target.write_text("mine")
    again = lanherd("fetch", "train", "result.txt", "-o", str(target), code=1)
    assert "is there already" in again.stderr
    assert "--force" in again.stderr
    assert target.read_text() == "mine"
    lanherd("fetch", "train", "result.txt", "-o", str(target), "--force")
    assert target.read_text() == "done\n"
    assert lanherd("fetch", "train", "nothing", code=5).stdout == ""
    # What the file system refuses was no slip of whoever asked for it.
    nowhere = str(folder / "nowhere" / "x")
    assert "no folder" in lanherd("fetch", "train", "result.txt", "-o", nowhere, code=1).stderr
    assert "can't be written" in lanherd("logs", "train", "-o", nowhere, code=1).stderr
    assert shown["simulated"] is True
    assert "simulated" in lanherd("show", "train").stdout
    assert "succeeded" in lanherd("runs").stdout
    assert "sh train.sh" in lanherd("show", "train").stdout


def test_a_machine_that_lost_its_pairings_is_paired_again_without_its_name(
    agent: AgentProcess,
) -> None:
    agent.end()
    for path in agent.home.glob("agent.sqlite*"):
        path.unlink()
    agent.start()
    assert "isn't paired" in lanherd("status", code=4).stderr
    assert lanherd("pair").stdout == "box\n"
    assert read("machines")[0]["link"] == "online"


def test_what_is_no_utf_8_is_refused_with_words(agent: AgentProcess) -> None:
    odd = os.fsdecode(b"\xff")
    run = lanherd("run", "--hold", "--", "true").stdout.strip()
    for arguments in (
        ["run", "--", "echo", odd],
        ["run", "--note", odd, "--", "true"],
        ["note", odd, run],
        ["logs", run, "--grep", odd],
    ):
        assert "no UTF-8" in lanherd(*arguments, code=2).stderr


def test_a_machine_is_forgotten_and_paired_anew(agent: AgentProcess) -> None:
    assert "Was already paired" in lanherd("pair", "box").stderr
    assert "Forgot box" in lanherd("forget", "box").stderr
    assert read("machines") == []
    assert "Paired with box" in lanherd("pair").stderr


def test_a_project_without_a_lock_is_warned_of(agent: AgentProcess, folder: Path) -> None:
    project = folder / "bare"
    project.mkdir()
    (project / "pyproject.toml").write_text('[project]\ndependencies = ["numpy"]\n')
    said = lanherd("run", "--hold", "--project", str(project), "--", "true").stderr
    assert "Warning: pyproject.toml has no lock beside it" in said
    assert "another machine may choose others. 'uv lock' fixes them." in said


def test_following_ends_as_the_run_does(agent: AgentProcess) -> None:
    good = lanherd("run", "-f", "--", "sh", "-c", "echo out; echo err >&2")
    assert good.stdout == "out\nerr\n"
    assert "The run succeeded." in good.stderr
    bad = lanherd("run", "-f", "--", "sh", "-c", "echo out; exit 3", code=1)
    assert bad.stdout == "out\n"
    assert "exit code 3" in bad.stderr
    missing = lanherd("run", "-f", "--", "/no/such/program", code=1)
    assert "There is no command '/no/such/program'" in missing.stderr
    told = json.loads(lanherd("run", "-f", "--json", "--", "true").stdout)
    assert (told["state"], told["outcome"], told["exit_code"]) == ("ended", "succeeded", 0)


def test_what_can_not_be_is_refused_with_the_reason(agent: AgentProcess, folder: Path) -> None:
    assert "2 GPUs" in lanherd("run", "--gpus", "9", "--", "true", code=2).stderr
    (folder / "empty").mkdir()
    empty = lanherd("run", "--project", str(folder / "empty"), "--", "true", code=1)
    assert str(folder / "empty") in empty.stderr
    gone = lanherd("run", "--project", str(folder / "gone"), "--", "true", code=1)
    assert str(folder / "gone") in gone.stderr
    assert "No machine is called" in lanherd("run", "-m", "attic", "--", "true", code=5).stderr
    assert read("runs") == []


def test_ctrl_c_leaves_the_run_alone(agent: AgentProcess) -> None:
    command = [*LANHERD, "run", "-f", "--name", "long", "--", "sh", "-c", "echo up; exec sleep 600"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as following:
        assert following.stdout is not None
        assert following.stdout.readline() == "up\n"
        following.send_signal(signal.SIGINT)
        _, said = following.communicate(timeout=WITHIN_S)
    assert following.returncode == 130
    assert "goes on" in said
    assert "lanherd stop" in said
    assert read("show", "long")["state"] == "running"
    assert read("runs", "--state", "live")[0]["name"] == "long"
    assert lanherd("stop", "long", "--grace", "1").stdout == ""
    lanherd("logs", "-f", "long")
    assert read("show", "long")["outcome"] == "cancelled"


def test_a_reader_that_has_enough(agent: AgentProcess) -> None:
    reader, writer = os.pipe()
    command = [*LANHERD, "run", "-f", "--name", "loud", "--", "sh", "-c", "yes | head -c 3000000"]
    with subprocess.Popen(command, stdout=writer, stderr=subprocess.PIPE, text=True) as following:
        os.close(writer)
        os.read(reader, 10)
        os.close(reader)
        _, said = following.communicate(timeout=WITHIN_S)
    # Nobody saw how the run ended, so nobody is told that it was well.
    assert following.returncode == 1
    assert "goes on" in said
    assert "Traceback" not in said
    lanherd("logs", "-f", "loud")


def test_an_agent_that_is_off(agent: AgentProcess) -> None:
    agent.end()
    try:
        began = time.monotonic()
        (machine,) = read("machines")
        assert time.monotonic() - began < 5
        assert machine["link"] == "unreachable"
        assert machine["problem"]["title"]
        for arguments in (["gpus"], ["runs"], ["show", "x"], ["run", "--", "true"]):
            assert lanherd(*arguments, code=3).stdout == ""
        assert json.loads(lanherd("status", "--json", code=3).stdout)[0]["problem"]
    finally:
        agent.start()


def test_a_log_can_not_steer_the_terminal(agent: AgentProcess) -> None:
    script = r"printf '\033[31mred\033[0m \033]0;title\007\033[2Jend\n'"
    lanherd("run", "-f", "--name", "nasty", "--", "sh", "-c", script)
    # Into a pipe go the bytes as they are; a terminal gets colours alone.
    assert "\x1b]0;title" in lanherd("logs", "nasty").stdout
    main_side, terminal = os.openpty()
    subprocess.run([*LANHERD, "logs", "nasty"], stdout=terminal, check=True, timeout=WITHIN_S)
    os.close(terminal)
    shown = os.read(main_side, 4096).decode()
    os.close(main_side)
    assert shown == "\x1b[31mred\x1b[0m end\r\n"


def test_tables_are_drawn_on_a_terminal(agent: AgentProcess) -> None:
    main_side, terminal = os.openpty()
    subprocess.run(
        [*LANHERD, "machines"],
        stdout=terminal,
        check=True,
        timeout=WITHIN_S,
        env={**os.environ, "COLUMNS": "120", "TERM": "xterm"},
    )
    os.close(terminal)
    shown = os.read(main_side, 4096).decode()
    os.close(main_side)
    assert "box" in shown
    assert "(simulated)" in shown
