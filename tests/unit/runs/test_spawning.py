"""A command's start where the machine takes no process more: for a while, or for good."""

import errno
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lanherd_agent.runs import spawning

Refusing = Callable[[int], list[float]]


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Refusing:
    """So many spawns are refused, then none; the pauses that were made."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    spawned = os.posix_spawn

    def refuse(times: int) -> list[float]:
        def spawn(path: str, *args: Any, **more: Any) -> int:
            nonlocal times
            times -= 1
            if times >= 0:
                raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN), path)
            return spawned(path, *args, **more)

        monkeypatch.setattr(os, "posix_spawn", spawn)
        return pauses

    return refuse


def spawn(tmp_path: Path, *argv: str, niceness: int = 0) -> int:
    spec: dict[str, Any] = {"argv": argv or ["/bin/true"], "env": {}, "niceness": niceness}
    with (tmp_path / "log").open("wb") as log:
        return spawning.spawn(spec, (log.fileno(), log.fileno()), str(tmp_path), "")


def test_a_limit_that_is_reached_for_a_moment_fails_nothing(
    tmp_path: Path, refusing: Refusing
) -> None:
    pauses = refusing(3)
    assert os.waitpid(spawn(tmp_path), 0)[1] == 0
    assert pauses == list(spawning.PAUSES_S[:3])


def test_one_that_stays_is_told_in_the_end(tmp_path: Path, refusing: Refusing) -> None:
    pauses = refusing(1000)
    with pytest.raises(BlockingIOError):
        spawn(tmp_path)
    assert pauses == list(spawning.PAUSES_S)
    assert sum(pauses) < 10, "the agent waits so long for the answer to a start"


@pytest.mark.parametrize("more", [5, -5])
def test_it_is_nice_from_its_first_instruction_on(tmp_path: Path, more: int) -> None:
    """And never less so than what starts it, which may not ask for that."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    look = "import os; print(os.getpriority(os.PRIO_PROCESS, 0), os.getsid(0) == os.getpid())"
    pid = spawn(tmp_path, sys.executable, "-I", "-S", "-c", look, niceness=own + more)
    assert os.waitpid(pid, 0)[1] == 0
    assert (tmp_path / "log").read_text() == f"{max(own, own + more)} True\n"


def test_what_is_nice_and_can_not_be_run_says_why(tmp_path: Path) -> None:
    with pytest.raises(PermissionError):
        spawn(tmp_path, "/etc/passwd", niceness=5)
