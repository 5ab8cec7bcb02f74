"""Where a real agent won't begin, with words and an exit code; and where it finds another way."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lanherd_client.discovery.local import LocalSource
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.lanherd_command import LANHERD

WITHIN_S = 30.0
LANHERD_AGENT = (sys.executable, "-m", "lanherd_agent.cli")


@pytest.fixture
def folder() -> Path:
    return Path(os.environ["HOME"])


@pytest.fixture
def agent(folder: Path) -> Iterator[AgentProcess]:
    with agent_process(folder / "agent") as running:
        yield running


def said(*command: str, code: int, **variables: str) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        env={**os.environ, **variables},
    )
    assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def refused(*arguments: str, code: int = 1, **variables: str) -> str:
    """What `lanherd-agent serve` says when it doesn't."""
    return said(
        *LANHERD_AGENT, "serve", "--simulate-gpus", "1", *arguments, code=code, **variables
    ).stderr


def machines() -> Any:
    return json.loads(said(*LANHERD, "machines", "--json", code=0).stdout)


def test_a_second_agent_on_a_home_is_told_of_the_first(agent: AgentProcess) -> None:
    words = refused("--home", str(agent.home))
    assert f"It runs as process {agent.pid}." in words
    assert "--home" in words
    # The first one didn't notice.
    assert agent.advert() is not None
    status = said(*LANHERD_AGENT, "status", "--home", str(agent.home), "--json", code=0)
    assert json.loads(status.stdout)["pid"] == agent.pid
    assert "0 runs live" in said(*LANHERD_AGENT, "status", "--home", str(agent.home), code=0).stdout
    # A dead one's number is nobody's.
    agent.kill()
    agent.start()
    assert (agent.home / "agent.lock").read_text() == f"{agent.pid}\n"


def test_a_port_in_use_is_left_for_another_that_is_found(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        agent = AgentProcess(folder / "agent", arguments=["--port", str(port)])
        agent.start()
        try:
            advert = agent.advert()
            assert advert is not None
            assert advert["port"] not in (0, port)
            said(*LANHERD, "pair", code=0)
            (machine,) = machines()
            assert machine["link"] == "online"
            # It was paired with one port, and is found on another.
            agent.end()
            taken.close()
            agent.start()
            advert = agent.advert()
            assert advert is not None
            assert advert["port"] == port
            (machine,) = machines()
            assert machine["link"] == "online"
        finally:
            agent.end()
            agent.end_launcher()


def test_what_a_killed_agent_leaves_is_no_agent(agent: AgentProcess) -> None:
    said(*LANHERD, "pair", code=0)
    agent.kill()
    runtime = Path(os.environ["LANHERD_RUNTIME_DIR"]) / "lanherd" / "agents"
    (left,) = runtime.iterdir()
    assert agent.socket.exists()
    assert LocalSource().look() == ()
    (machine,) = machines()
    assert machine["link"] == "unreachable"
    status = said(*LANHERD_AGENT, "status", "--home", str(agent.home), code=3)
    assert f"Nothing listens on its socket {agent.socket}" in status.stderr
    assert "port" not in status.stderr
    assert said(*LANHERD, "pair", "--socket", str(agent.socket), code=3).stdout == ""
    # What can't be read says nothing, and is no hindrance to the next one.
    left.write_bytes(b"{")
    assert LocalSource().look() == ()
    agent.start()
    (seen,) = LocalSource().look()
    assert seen.port > 0
    (machine,) = machines()
    assert machine["link"] == "online"
    left.write_bytes(b"{")
    assert agent.end() == 0
    assert "advert is left behind" in agent.log
    left.unlink()
    agent.start()


def test_an_advert_that_can_not_be_written_is_no_obstacle(folder: Path) -> None:
    (folder / "file").write_text("")
    agent = folder / "agent"
    command = [*LANHERD_AGENT, "serve", "--home", str(agent), "--port", "0", "--simulate-gpus", "1"]
    environment = {**os.environ, "LANHERD_RUNTIME_DIR": str(folder / "file")}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        assert "advert isn't there" in process.stderr.readline()
        assert "serves" in process.stderr.readline()
        said(*LANHERD, "pair", "--socket", str(agent / "agent.sock"), code=0)
        process.terminate()
    assert process.returncode == 0
    AgentProcess(agent).end_launcher()


def test_homes_that_can_not_be_used(folder: Path) -> None:
    file = folder / "file"
    file.write_text("")
    assert "Not a directory" in refused("--home", str(file / "home"))
    assert "can't use" in refused("--home", str(file))
    assert "too long" in refused("--home", str(folder / ("n" * 100)))
    assert not (folder / ("n" * 100)).exists()
    assert "--home" in refused("--home", "/proc/home")
    # Somebody's folder full of other things is not closed to others by mistake.
    shared = folder / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    (shared / "thesis.tex").write_text("")
    assert "no agent's" in refused("--home", str(shared))
    assert shared.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in shared.iterdir()] == ["thesis.tex"]
    odd = folder / "odd"
    (odd / "agent.lock").mkdir(parents=True)
    assert "directory" in refused("--home", str(odd))
    linked = folder / "linked"
    linked.mkdir(mode=0o700)
    (linked / "agent.lock").symlink_to(shared / "thesis.tex")
    assert "can't use" in refused("--home", str(linked))
    assert (shared / "thesis.tex").read_text() == ""


def test_things_in_a_home_that_are_not_what_they_were(agent: AgentProcess) -> None:
    agent.end()
    home = str(agent.home)
    key = agent.home / "identity" / "key.pem"
    key.chmod(0o644)
    assert "Others can read" in refused("--home", home)
    key.chmod(0o600)
    sound = key.read_bytes()
    key.write_bytes(sound[: len(sound) // 2])
    assert "can't be read or don't match" in refused("--home", home)
    key.write_bytes(sound)
    database = agent.home / "agent.sqlite"
    kept = database.rename(agent.home / "kept")
    database.mkdir()
    assert str(database) in refused("--home", home)
    database.rmdir()
    kept.rename(database)
    agent.socket.mkdir()
    assert "isn't a socket" in refused("--home", home, "--port", "0")
    agent.socket.rmdir()
    agent.start()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--port", "70000"), "TCP port"),
        (("--port", "-1"), "TCP port"),
        (("--port", "http"), "TCP port"),
        (("--simulate-gpus", "-1"), "number of GPUs"),
        (("--simulate-gpus", "65"), "number of GPUs"),
        (("--gpu-script", "gpus.json", "--simulate-gpus", "0"), "write --simulate-gpus N too"),
        (("--name", "two\nlines"), "one line"),
        (("--name", "n" * 101), "one line"),
    ],
)
def test_options_that_make_no_sense(folder: Path, arguments: tuple[str, ...], word: str) -> None:
    assert word in refused("--home", str(folder / "agent"), *arguments, code=2)
    assert not (folder / "agent").exists()


def test_places_that_can_not_be_listened_on(folder: Path) -> None:
    home = str(folder / "agent")
    assert "can't listen" in refused("--home", home, "--listen", "192.0.2.1")
    assert "can't listen" in refused("--home", home, "--listen", "no such address")
    script = folder / "script.json"
    simulated = ("--home", home, "--simulate-gpus", "1", "--gpu-script", str(script))
    assert str(script) in refused(*simulated)
    script.write_text("{")
    assert script.name in refused(*simulated)
    AgentProcess(folder / "agent").end_launcher()
