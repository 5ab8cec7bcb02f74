"""`lanherd env`, and the options of `lanherd run` about environments, against a real agent that
has a folder of wheels and no index."""

import os
import signal
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest
import uv

from lanherd_client import blocking
from tests.integration.test_cli_agent import lanherd, read
from tests.integration.wheels import make_slow_sdist, make_wheel, requirement
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.lanherd_command import LANHERD

SAY_TINY = ("python", "-c", "import tiny; print(tiny.word)")


@pytest.fixture
def wheels() -> Path:
    folder = Path(os.environ["HOME"]) / "wheels"
    make_wheel(folder, "tiny")
    make_wheel(folder, "other")
    return folder


@pytest.fixture
def agent(wheels: Path) -> Iterator[AgentProcess]:
    given = {"UV_NO_INDEX": "1", "UV_FIND_LINKS": str(wheels)}
    with agent_process(Path(os.environ["HOME"]) / "agent", gpus=0, variables=given) as running:
        lanherd("pair")
        yield running
        assert "Traceback" not in running.log, running.log


@pytest.fixture
def project(tmp_path: Path, wheels: Path) -> Path:
    folder = tmp_path / "digits"
    folder.mkdir()
    (folder / "main.py").write_text("import tiny\nprint(tiny.word)\n")
    (folder / "requirements.txt").write_text(
        requirement("tiny", wheels / "tiny-1.0-py3-none-any.whl")
    )
    return folder


def built(*arguments: str) -> str:
    return lanherd("env", "build", *arguments).stdout.strip()


def test_an_environment_from_its_build_to_its_end(agent: AgentProcess, project: Path) -> None:
    empty = lanherd("env", "list")
    assert empty.stdout == "" and "box has no environments yet." in empty.stderr
    done = lanherd("env", "build", "--project", str(project))
    environment = done.stdout.strip()
    assert len(environment) == 64
    # The whole log beside it, and then what came of it.
    assert "tiny==1.0" in done.stderr and "Python 3" in done.stderr and "built in" in done.stderr
    assert "it was there already" in lanherd("env", "build", "--project", str(project)).stderr

    (listed,) = read("env", "list")
    assert (listed["environment"], listed["state"]) == (environment, "ready")
    assert listed["size_bytes"] == listed["own_bytes"] + listed["shared_bytes"] > 0
    assert listed["source"] == "requirements.txt" and listed["used_at"] is None
    shown = lanherd("env", "list").stdout
    assert environment[:12] in shown and "SHARED" in shown and "never" in shown

    (inspected,) = read("env", "show", environment[:8])
    assert [(one["name"], one["version"]) for one in inspected["packages"]] == [("tiny", "1.0")]
    shown = lanherd("env", "show", environment[:8]).stdout
    assert "tiny" in shown and "would be freed by removing it" in shown
    assert "tiny==1.0" in lanherd("env", "log", environment[:8]).stdout
    frozen = lanherd("env", "freeze", environment[:8]).stdout
    assert frozen.startswith("tiny==1.0") and "--hash=sha256:" in frozen

    said = lanherd("env", "run", environment[:8], "--", *SAY_TINY)
    assert said.stdout == "tiny\n"
    (used,) = read("env", "list")
    assert used["used_at"] is not None
    lanherd("env", "run", environment[:8], "sh", "-c", "exit 7", code=7)
    lanherd("env", "run", environment[:8], "--", code=2)

    asked = lanherd("env", "remove", environment[:8], code=2).stderr
    assert "which frees" in asked and "Write --yes" in asked
    assert read("env", "list")[0]["state"] == "ready"
    told = lanherd("env", "remove", environment[:8], "--yes").stderr
    assert "Removed 1 environment" in told
    assert read("env", "list") == []
    lanherd("env", "show", environment[:8], code=5)


def test_what_a_run_says_of_its_environment(agent: AgentProcess, project: Path) -> None:
    followed = ("run", "-f", "--project", str(project))
    assert lanherd(*followed, "--", *SAY_TINY).stdout == "tiny\n"
    more = ("--packages", "other", "--", "python", "-c", "import tiny, other; print(other.word)")
    assert lanherd(*followed, *more).stdout == "other\n"
    alone = ("run", "-f", "--packages", "tiny other", "--python", "3", "--wheels-only", "--")
    assert lanherd(*alone, *SAY_TINY).stdout == "tiny\n"
    without = lanherd(*followed, "--environment", "none", "--", *SAY_TINY, code=1)
    assert "tiny" in without.stdout + without.stderr

    environment = built("--packages", "tiny")
    named = ("run", "-f", "--environment", environment[:10], "--", *SAY_TINY)
    assert lanherd(*named).stdout == "tiny\n"
    described = read("runs")[0]
    assert described["environment"]["type"] == "source"
    assert described["environment"]["base"] == environment
    for option in ("--no-environment", "--environment"):
        value = ("none",) if option == "--environment" else ()
        told = lanherd("run", option, *value, "--packages", "six", "--", "true", code=2).stderr
        assert "No environment was asked for, and yet packages." in told
    told = lanherd("run", "--environment", "nosuch", "--", "true", code=5).stderr
    assert "nosuch" in told
    told = lanherd(*followed, "--extra", "cuda", "--", "true", code=2).stderr
    assert "extra" in told and "requirements.txt has none" in told
    told = lanherd("run", "--packages=-r x", "--", "true", code=2).stderr
    assert "--packages" in told
    told = lanherd("run", "--environment", "LR=1", "--", "true", code=2).stderr
    assert "For a variable write --env." in told


def test_packages_upon_a_uv_lock(agent: AgentProcess, tmp_path: Path, wheels: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "locked"\nversion = "1"\nrequires-python = ">=3.11"\n'
        'dependencies = ["tiny"]\n'
    )
    subprocess.run(
        [uv.find_uv_bin(), "lock", "-q", "--no-index", "--find-links", str(wheels)],
        cwd=folder,
        check=True,
    )
    script = "import tiny, other; print(tiny.word, other.word)"
    arguments = ("--project", str(folder), "--packages", "other", "--", "python", "-c", script)
    assert lanherd("run", "-f", *arguments).stdout == "tiny other\n"
    assert sorted(one["state"] for one in read("env", "list")) == ["ready", "ready"]


def test_a_registered_one_is_used_and_forgotten(agent: AgentProcess, tmp_path: Path) -> None:
    place = tmp_path / "theirs"
    venv.create(place, symlinks=True)
    told = lanherd("env", "register", "lab", str(place)).stderr
    assert "lab on box is" in told and "Python 3" in told
    (listed,) = read("env", "list")
    assert (listed["name"], listed["state"], listed["size_bytes"]) == ("lab", "registered", None)
    script = "import sys; print(sys.prefix)"
    ran = lanherd("run", "-f", "--environment", "lab", "--", "python", "-c", script)
    assert ran.stdout.strip() == str(place)
    told = lanherd("run", "--environment", "lab", "--packages", "six", "--", "true", code=2).stderr
    assert "never changes it" in told
    assert "never built" in lanherd("env", "log", "lab").stderr
    assert "lanherd env forget lab" in lanherd("env", "remove", "lab", code=2).stderr
    told = lanherd("env", "register", "lab", str(tmp_path / "nowhere"), code=2).stderr
    assert "nowhere" in told
    assert "is as it was" in lanherd("env", "forget", "lab").stderr
    assert read("env", "list") == [] and (place / "pyvenv.cfg").exists()
    lanherd("env", "forget", "lab", code=5)


def test_a_build_that_failed_keeps_its_log(agent: AgentProcess) -> None:
    failed = lanherd("env", "build", "--packages", "nowhere", code=1)
    assert "nowhere" in failed.stderr
    again = lanherd("env", "build", "--packages", "nowhere", code=1).stderr
    assert "--retry" in again
    (listed,) = read("env", "list")
    assert listed["state"] == "failed" and "nowhere" in (listed["problem"] or "")
    short = listed["short"]
    assert "nowhere" in lanherd("env", "log", short).stdout
    assert "shows the log of its build" in lanherd("env", "show", short).stderr
    assert short in lanherd("env", "list").stdout
    told = lanherd("run", "--environment", short, "--", "true", code=1).stderr
    assert "Its build has failed." in told and f"lanherd env log {short}" in told
    lanherd("env", "remove", short, "-y")
    assert read("env", "list") == []


def test_unused_ones_are_collected_and_damaged_ones_repaired(agent: AgentProcess) -> None:
    environment = built("--packages", "tiny")
    assert "Say which" in lanherd("env", "collect", code=2).stderr
    assert "No environment would be" in lanherd("env", "collect", "--age", "1h", "--dry-run").stderr

    repaired = read("env", "repair", environment[:8])
    assert repaired["damaged"] == [] and repaired["files"] > 0
    (module,) = agent.home.glob(f"envs/{environment}/venv/lib/*/site-packages/tiny.py")
    module.unlink()
    module.write_text("word = 'broken'\n")
    found = lanherd("env", "repair", environment[:8], "--dry-run", code=1)
    assert "tiny.py" in found.stdout and "mends them" in found.stderr
    assert "were damaged, and are whole" in lanherd("env", "repair", environment[:8]).stderr
    assert lanherd("env", "run", environment[:8], *SAY_TINY).stdout == "tiny\n"

    asked = lanherd("env", "collect", "--size", "1MB", "--age", "0s", code=2).stderr
    assert "would go" in asked and "Write --yes" in asked
    planned = read("env", "collect", "--age", "0s", "--dry-run")
    assert planned["environments"] == [environment]
    assert lanherd("env", "collect", "--age", "0s", "-y").stdout == f"{environment}\n"
    assert read("env", "list") == []


def test_ctrl_c_ends_a_build(agent: AgentProcess, wheels: Path, tmp_path: Path) -> None:
    hold, story = tmp_path / "hold", tmp_path / "story"
    make_slow_sdist(wheels, hold, story)
    command = subprocess.Popen(
        [*LANHERD, "env", "build", "--packages", "slow"], stderr=subprocess.PIPE, text=True
    )
    pids = [int(word) for word in story.read_text().split()]
    command.send_signal(signal.SIGINT)
    _, told = command.communicate(timeout=60)
    assert command.returncode == 130
    assert "The build was stopped, unless others wait for it." in told
    for pid in pids:
        assert not Path(f"/proc/{pid}").exists() or _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_the_same_from_a_script(agent: AgentProcess, project: Path) -> None:
    log = bytearray()
    with blocking.open() as fleet:
        done = fleet.build_environment("box", project=project, on_log=log.extend)
        environment = done.environment.view.environment
        assert done.built and b"tiny==1.0" in log
        assert b"".join(fleet.environment_log("box", environment)) == bytes(log)
        run = fleet.submit(
            command=["sh", "-c", "exit 3"], environment=environment, packages="other"
        )
        assert run.wait().state.exit_code == 3
        assert fleet.freeze_environment("box", environment).startswith(b"tiny==1.0")
        assert len(fleet.show_environments("box").environments) == 2
        fleet.remove_environment("box", environment)
