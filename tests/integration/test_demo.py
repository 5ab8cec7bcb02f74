"""The demo and what an earlier one left behind, with real processes on real homes."""

import asyncio
import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lanherd_desktop.platform import demo_agent
from lanherd_desktop.platform.demo_agent import DemoError, held_home
from lanherd_protocol.aio.connect import connect_unix
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.handshake import local_hello
from lanherd_protocol.messages import AgentStatus, Empty, ListRuns
from lanherd_protocol.methods import AGENT_STATUS, RUNS_LIST
from lanherd_protocol.states import Ended, RunView
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.waiting import wait_until

WITHIN_S = 60.0


def begin(home: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "lanherd_desktop.demo", "--headless", "--json"),
            *("--home", str(home), *arguments),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> tuple[int, dict[str, object], str]:
    """Its exit code, its one line of findings, and its words."""
    told, words = process.communicate(timeout=WITHIN_S)
    (line,) = told.splitlines()
    return process.returncode, json.loads(line), words


@contextmanager
def demo(home: Path) -> Iterator["subprocess.Popen[str]"]:
    process = begin(home)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def home() -> Iterator[Path]:
    """A short path for the demo's home; what is left on it ends with the test."""
    home = Path(os.environ["HOME"]) / "d"
    yield home
    with contextlib.suppress(FileNotFoundError, ValueError):
        end_process(int((home / "agent" / "agent.lock").read_text()))
    AgentProcess(home / "agent").end_launcher()


def end_process(pid: int) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        wait_for_end(handle)
    finally:
        os.close(handle)


def wait_for_end(handle: int) -> None:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    assert poll.poll(WITHIN_S * 1000)


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    # One that has ended stays a zombie where nobody waits for orphans.
    return stat.rpartition(")")[2].split()[0] != "Z"


def ask_agent(home: Path) -> tuple[AgentStatus, tuple[RunView, ...]] | None:
    """What the agent of the demo's home says of itself and its runs; None while none answers."""

    async def ask() -> tuple[AgentStatus, tuple[RunView, ...]]:
        peer = await connect_unix(home / "agent" / "agent.sock", local_hello("test"))
        try:
            status = await peer.call(AGENT_STATUS, Empty())
            return status, (await peer.call(RUNS_LIST, ListRuns())).runs
        finally:
            await peer.close()

    try:
        return asyncio.run(ask())
    except LanherdError:
        return None


def agent_with_runs(home: Path, count: int, other_than: int = 0) -> int:
    """The pid of the agent, once it was given so many runs."""
    found = 0

    def look() -> bool:
        nonlocal found
        answer = ask_agent(home)
        if answer is None or answer[0].pid == other_than or len(answer[1]) < count:
            return False
        found = answer[0].pid
        return True

    wait_until(look, WITHIN_S)
    return found


def refusal(home: Path) -> str:
    """Why the home isn't given to a demo."""
    with pytest.raises(DemoError) as caught, held_home(home):
        raise AssertionError("the home was given away")
    return str(caught.value)


def test_a_killed_demo_is_followed_by_another(home: Path) -> None:
    with demo(home) as killed:
        orphan = agent_with_runs(home, 1)
        killed.kill()
        killed.wait()
    assert is_alive(orphan)
    with demo(home) as second:
        agent = agent_with_runs(home, 2, other_than=orphan)
        assert not is_alive(orphan)
        second.send_signal(signal.SIGTERM)
        code, findings, words = finish(second)
    assert code == 1
    assert findings["ok"] is False
    # It ended its own run before it left, and says so.
    assert findings["outcome"] in ("cancelled", "stopped")
    assert "The demo was ended before its run was over. The run was stopped" in words
    assert "Traceback" not in words
    assert not is_alive(agent)


def test_the_runs_of_a_demo_that_was_ended_are_over(home: Path) -> None:
    with demo(home) as ended:
        agent_with_runs(home, 1)
        ended.send_signal(signal.SIGINT)
        finish(ended)
    with agent_process(home / "agent"):
        answer = ask_agent(home)
    assert answer is not None
    assert [type(view.state) for view in answer[1]] == [Ended]


def test_a_second_demo_leaves_the_first_alone(home: Path) -> None:
    with demo(home) as first:
        agent = agent_with_runs(home, 1)
        code, findings, words = finish(begin(home))
        assert code == 1
        assert findings["ok"] is False
        assert words.startswith(f"The demo is already running as process {first.pid}.")
        assert findings["problem"] == words.strip()
        assert first.poll() is None
        assert agent_with_runs(home, 1) == agent
        first.send_signal(signal.SIGTERM)
        finish(first)


def test_an_agent_that_no_demo_started_stays(home: Path) -> None:
    home.mkdir()
    with agent_process(home / "agent") as agent:
        told = refusal(home)
        assert f"in use by process {agent.pid}" in told
        assert "No demo has used this home before" in told
        assert is_alive(agent.pid)


def test_a_holder_that_is_no_agent_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_agent, "ANSWER_TIMEOUT_S", 0.2)
    with held_home(home):
        (home / "agent").mkdir()
    lock = home / "agent" / "agent.lock"
    with lock.open("w") as file, subprocess.Popen(["sleep", "60"]) as bystander:
        file.write(f"{bystander.pid}\n")
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "doesn't answer as the agent of this home" in refusal(home)
        assert bystander.poll() is None
        bystander.kill()


def test_a_home_is_free_again_after_its_demo(home: Path) -> None:
    with held_home(home):
        assert f"already running as process {os.getpid()}" in refusal(home)
    with held_home(home):
        pass


def test_a_folder_that_cant_be_used_is_said_in_a_sentence(home: Path) -> None:
    home.parent.joinpath("file").write_text("")
    below_file = home.parent / "file" / "home"
    for code, findings, words, why, what_next in (
        (*finish(begin(below_file)), f"can't use {below_file} as its home", "--home"),
        (*finish(begin(Path("/sys/x"))), "can't use /sys/x as its home", "--home"),
        (*finish(begin(home, "--shots", "/proc/no")), "can't save pictures in /proc/no", "--shots"),
    ):
        assert code == 1
        assert findings["ok"] is False
        assert findings["problem"] == words.strip()
        assert why in words and what_next in words
        assert len(words.splitlines()) == 1
    assert not home.exists()


def test_a_wrong_call_is_a_usage_error() -> None:
    called = subprocess.run(
        [sys.executable, "-m", "lanherd_desktop.demo", "--hom"], capture_output=True, check=False
    )
    assert called.returncode == 2
