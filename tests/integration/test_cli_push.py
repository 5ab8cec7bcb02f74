"""Pushes and projects from the shell, against real agents."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.test_cli_agent import lanherd, read
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.lanherd_command import LANHERD, WITHIN_S
from tests.support.waiting import wait_until


@pytest.fixture
def folder() -> Path:
    return Path(os.environ["HOME"])


@pytest.fixture
def agent(folder: Path) -> Iterator[AgentProcess]:
    with agent_process(folder / "agent") as running:
        lanherd("pair")
        yield running


@pytest.fixture
def project(folder: Path) -> Path:
    made = folder / "digits"
    (made / "src").mkdir(parents=True)
    (made / "train.py").write_text("print('trained')\n")
    (made / "src" / "net.py").write_text("x = 1\n" * 100)
    (made / "data").mkdir()
    (made / "data" / "all.csv").write_text("1,2\n" * 1000)
    return made


def test_a_push_sends_what_is_new_and_says_so(agent: AgentProcess, project: Path) -> None:
    first = lanherd("push", str(project))
    snapshot = first.stdout.strip()
    assert len(snapshot) == 64
    assert "box has it: 3 files, 4." in first.stderr and "Sent 3 blobs" in first.stderr
    again = lanherd("push", str(project), "--machine", "box")
    assert again.stdout == first.stdout
    assert "Nothing had to be sent" in again.stderr
    (project / "train.py").write_text("print('edited')\n")
    [pushed] = read("push", str(project), "--all")
    assert pushed["snapshot"] != snapshot
    assert (pushed["machine_name"], pushed["sent_blobs"], pushed["files"]) == ("box", 1, 3)
    assert 0 < pushed["sent_bytes"] < 1000
    assert pushed["problem"] is None
    [known] = read("project", "list")
    assert (known["name"], known["folder"], known["is_there"]) == ("digits", str(project), True)


def test_several_machines_at_once(agent: AgentProcess, project: Path, folder: Path) -> None:
    with agent_process(folder / "other", name="other") as other:
        lanherd("pair", "--socket", str(other.socket))
        unsaid = lanherd("push", str(project), code=2).stderr
        assert "It isn't said which machine is meant." in unsaid and "--all" in unsaid
        pushes = read("push", str(project), "-m", "box", "-m", "other")
        assert [one["machine_name"] for one in pushes] == ["box", "other"]
        assert [one["sent_blobs"] for one in pushes] == [3, 3]
        assert pushes[0]["snapshot"] == pushes[1]["snapshot"]
        (project / "train.py").write_text("print('edited')\n")
        shown = lanherd("push", str(project), "--all").stdout
        assert "box" in shown and "other" in shown
    failed = lanherd("push", str(project), "--all", code=1)
    assert "other:" in failed.stderr
    assert "box" in failed.stdout
    assert "No machine is called 'third'" in lanherd("push", "-m", "third", code=5).stderr


def test_a_dry_run_says_what_would_go_and_what_stays(agent: AgentProcess, project: Path) -> None:
    (project / ".lanherdignore").write_text("/data/\n")
    (project / "outputs").mkdir()
    (project / "outputs" / "old.raw").write_bytes(os.urandom(11 * 1024 * 1024))
    look = read("push", str(project), "--dry-run")
    assert (look["files"], look["machines"][0]["blobs"]) == (4, 14)
    assert look["suspects"][0]["rule"] == "/outputs/"
    [left_out] = look["left_out"]
    assert (left_out["path"], left_out["rule"]) == ("data", "/data/")
    assert left_out["rule_file"] == ".lanherdignore"
    said = lanherd("push", str(project), "--dry-run")
    assert "/outputs/" in said.stdout and "data/" in said.stdout
    assert read("push", str(project), "--dry-run")["machines"][0]["blobs"] == 14
    warned = lanherd("push", str(project)).stderr
    assert "lanherd project ignore /outputs/" in warned
    lanherd("project", "ignore", "/outputs/", "--project", str(project))
    after = read("push", str(project), "--dry-run")
    assert (after["files"], after["suspects"]) == (3, [])


def test_what_is_wrong_is_said_with_what_to_do(folder: Path, project: Path) -> None:
    nobody = lanherd("push", str(project), code=5).stderr
    assert "No machine is paired" in nobody and "lanherd pair" in nobody
    # What a folder would send can be told without any machine.
    assert read("push", str(project), "--dry-run")["files"] == 3
    assert "not both" in lanherd("push", "--all", "-m", "box", code=2).stderr
    assert "not both" in lanherd("push", "--watch", "--dry-run", code=2).stderr
    assert lanherd("push", "-m", "", code=2).stdout == ""
    gone = lanherd("push", str(folder / "nowhere"), "--dry-run", code=1).stderr
    assert "There is no such folder." in gone


def test_an_empty_project_is_said(agent: AgentProcess, folder: Path) -> None:
    (folder / "nothing").mkdir()
    empty = lanherd("push", str(folder / "nothing"), code=1).stderr
    assert "holds nothing to send" in empty


def test_projects_are_made_named_shown_and_listed(project: Path, folder: Path) -> None:
    assert "No project was pushed or added" in lanherd("project", "list").stderr
    assert read("project", "list") == []
    identifier = lanherd("project", "init", str(project)).stdout.strip()
    assert lanherd("project", "init", str(project)).stdout.strip() == identifier
    lanherd("project", "rename", "vision", "--project", str(project))
    shown = read("project", "show", str(project))
    assert (shown["name"], shown["id"], shown["runs"]) == ("vision", identifier, {})
    assert shown["sends"]["files"] >= 3
    assert "vision" in lanherd("project", "show", str(project)).stdout
    [known] = read("project", "list")
    assert (known["name"], known["id"]) == ("vision", identifier)
    assert "vision" in lanherd("project", "list").stdout
    assert lanherd("project", "rename", "", "--project", str(project), code=1).stderr
    ignored = lanherd("project", "ignore", "/data/", "*.log", "--project", str(project)).stderr
    assert "Added to .lanherdignore: /data/" in ignored
    assert "A push sends" in ignored
    twice = lanherd("project", "ignore", "/data/", "--project", str(project)).stderr
    assert "says so already" in twice
    project.rename(folder / "elsewhere")
    assert "The folder is gone." in lanherd("project", "list").stdout


def test_a_saved_run_is_started_by_its_name(agent: AgentProcess, project: Path) -> None:
    lanherd("project", "init", str(project))
    file = project / ".lanherd" / "project.toml"
    file.write_text(
        file.read_text() + "\n[runs.train]\n"
        'command = ["sh", "-c", "echo $A $B"]\ngpus = 1\nvram = "1GB"\ntags = ["nightly"]\n'
        'priority = 7\nenv = { A = "saved", B = "kept" }\n'
    )
    where = ("--project", str(project))
    run = lanherd("run", *where, "--saved", "train").stdout.strip()
    assert lanherd("logs", "-f", run).stdout == "saved kept\n"
    shown = read("show", run)
    assert (shown["priority"], shown["tags"], shown["gpus_requested"]) == (7, ["nightly"], 1)
    assert shown["vram_requested_bytes"] == 1 << 30
    beside = ("--env", "A=said", "--priority", "2", "--gpus", "2")
    run = lanherd("run", *where, "--saved", "train", *beside).stdout.strip()
    assert lanherd("logs", "-f", run).stdout == "said kept\n"
    shown = read("show", run)
    assert (shown["priority"], shown["gpus_requested"]) == (2, 2)
    run = lanherd("run", *where, "--saved", "train", "--", "echo", "other").stdout.strip()
    assert lanherd("logs", "-f", run).stdout == "other\n"
    unknown = lanherd("run", *where, "--saved", "test", code=5).stderr
    assert "keeps no run called 'test'" in unknown and "It keeps: train." in unknown
    assert "Missing argument 'COMMAND…'" in lanherd("run", code=2).stderr
    options = ["--gpus", "1..2", "--vram", "2GB", "--time-limit", "90m", "--tag", "x", "--shared"]
    kept = lanherd("run", *where, "--save", "test", *options, "--env", "A=1", "--", "echo", "$A")
    assert "lanherd run --saved test" in kept.stderr
    text = file.read_text()
    assert 'vram = "2GB"' in text and 'time-limit = "1h30m"' in text and "shared = true" in text
    again = read("show", lanherd("run", *where, "--saved", "test").stdout.strip())
    first = read("show", kept.stdout.strip())
    for key in ("command", "variables", "gpus_requested", "gpus_max", "time_limit_s", "tags"):
        assert again[key] == first[key], key
    assert "not both" in lanherd("run", "--saved", "a", "--save", "b", "true", code=2).stderr
    runs = read("project", "show", str(project))["runs"]
    assert runs["train"]["gpus"] == 1
    assert set(runs) == {"train", "test"}
    assert "train" in lanherd("project", "show", str(project)).stdout


def test_a_folder_that_is_watched_is_pushed_after_each_change(
    agent: AgentProcess, project: Path, folder: Path
) -> None:
    said = folder / "said"
    with open(said, "wb") as talk:
        watching = subprocess.Popen([*LANHERD, "push", str(project), "--watch"], stderr=talk)
        try:
            wait_until(lambda: said.read_text().count("box has it") == 1, 30.0)
            (project / "train.py").write_text("print('edited')\n")
            wait_until(lambda: said.read_text().count("box has it") == 2, 30.0)
            (project / "train.py").unlink()
            (project / "train.py").symlink_to("/etc/passwd")
            wait_until(lambda: "outside the project" in said.read_text(), 30.0)
            (project / "train.py").unlink()
            pushes = said.read_text().count("box has it")
            (project / "train.py").write_text("print('mended')\n")
            wait_until(lambda: said.read_text().count("box has it") > pushes, 30.0)
            watching.send_signal(signal.SIGINT)
            assert watching.wait(WITHIN_S) == 130
        finally:
            watching.kill()
            watching.wait()
    assert "no longer watched" in said.read_text()


def test_a_push_that_is_given_up_keeps_what_was_sent(
    agent: AgentProcess, project: Path, folder: Path
) -> None:
    with open(project / "large.raw", "wb") as large:
        large.writelines(os.urandom(1 << 20) for _ in range(200))
    store = agent.home / "blobs"
    said = folder / "said"
    with open(said, "wb") as talk:
        pushing = subprocess.Popen([*LANHERD, "push", str(project)], stderr=talk)
        try:
            wait_until(lambda: len([*store.glob("??/*")]) > 20, 60.0)
            pushing.send_signal(signal.SIGINT)
            assert pushing.wait(WITHIN_S) == 130
        finally:
            pushing.kill()
            pushing.wait()
    assert "not sent again" in said.read_text()
    kept = len([*store.glob("??/*")])
    [pushed] = read("push", str(project))
    assert pushed["sent_blobs"] <= 203 - kept + 3


def test_talk_and_data_stay_apart(agent: AgentProcess, project: Path) -> None:
    done = lanherd("push", str(project), "--json")
    assert json.loads(done.stdout)[0]["notes"] == []
    assert time.time() - read("project", "list")[0]["used_at"] < 600
