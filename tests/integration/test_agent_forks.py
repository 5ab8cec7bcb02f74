"""A forked agent is what an executed one is, so that the tests may use either."""

import contextlib
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import agent_forks
from tests.support.agent_forks import ForkedAgent
from tests.support.agent_process import AgentProcess
from tests.support.waiting import wait_until

OF_A_PROCESS = ("Umask", "Uid", "Gid", "Groups", "SigBlk", "SigIgn", "SigCgt", "NoNewPrivs")


@pytest.fixture(params=["forked", "executed"])
def started(request: pytest.FixtureRequest) -> Iterator[AgentProcess]:
    running = begun(request.param == "executed")
    yield running
    if running._running().poll() is None:
        running.end()
    running.end_launcher()


def begun(executed: bool, **variables: str) -> AgentProcess:
    name = "executed" if executed else "forked"
    agent = AgentProcess(
        Path(os.environ["HOME"]) / name, variables=variables, executed=executed, name=name
    )
    agent.start()
    return agent


def ended(agent: AgentProcess) -> None:
    agent.end()
    agent.end_launcher()


def what_it_is(agent: AgentProcess) -> dict[str, object]:
    process = Path(f"/proc/{agent.pid}")
    words = process.joinpath("status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in words if ":\t" in line)
    open_files = []
    for path in (process / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed since it was listed
            open_files.append(os.readlink(path).replace(str(agent.home), "HOME"))
    return {
        "status": {name: status[name] for name in OF_A_PROCESS},
        "group": os.getpgid(agent.pid),
        "session": os.getsid(agent.pid),
        "cwd": os.readlink(process / "cwd"),
        "streams": [os.readlink(process / "fd" / str(number)) for number in range(3)]
        == ["/dev/null", str(agent.log_path), str(agent.log_path)],
        # Sockets and the like by their kind, for their numbers differ.
        "open": sorted(re.sub(r":\[\d+\]", "", name) for name in open_files),
        "limits": process.joinpath("limits").read_text(),
    }


def test_as_a_process_both_are_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    before = os.umask(0o027)
    try:
        executed, forked = begun(True), begun(False)
    finally:
        os.umask(before)
    try:
        assert isinstance(forked._running(), ForkedAgent)
        assert not isinstance(executed._running(), ForkedAgent)
        # As they begin, they open more than they keep.
        with contextlib.suppress(TimeoutError):
            wait_until(lambda: what_it_is(forked) == what_it_is(executed))
        assert what_it_is(forked) == what_it_is(executed)
    finally:
        ended(executed)
        ended(forked)


def test_its_end_is_told(started: AgentProcess) -> None:
    assert started._running().poll() is None
    assert started.end() == 0
    assert started._running().poll() == 0
    assert started.advert() is None
    started.start()
    started.kill()
    assert started._running().wait() == -signal.SIGKILL
    started.start()
    os.kill(started.pid, signal.SIGINT)
    assert started._running().wait(10) == 0


def test_one_that_can_not_begin_says_why(started: AgentProcess) -> None:
    second = AgentProcess(started.home, executed=started._executed)
    with pytest.raises(AssertionError, match=r"did not begin \(exit 1\)"):
        second.start()
    assert "lanherd-agent: " in second.log


def test_what_is_read_at_the_start_is_no_forks_affair(monkeypatch: pytest.MonkeyPatch) -> None:
    forks = agent_forks.forks()
    assert forks is not None
    assert forks.suits({**os.environ, "TZ": "Asia/Shanghai", "LANHERD_CGROUP": "/x"})
    for name in ("LANHERD_FAIL_POINTS", "PYTHONOPTIMIZE", "LD_PRELOAD", "LC_TIME"):
        assert not forks.suits({**os.environ, name: "x"})
    monkeypatch.setenv("LANHERD_FAIL_POINTS", "nowhere")
    agent = begun(False)
    try:
        assert not isinstance(agent._running(), ForkedAgent)
    finally:
        ended(agent)
