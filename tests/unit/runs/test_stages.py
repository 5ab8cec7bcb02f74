"""A stage's start where the machine takes no process more: for a while, or for good."""

import errno
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from lanherd_agent.runs import stages

Refusing = Callable[[int], list[float]]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[stages.Stages]:
    before = {signo: signal.getsignal(signo) for signo in stages.TO_NOTE}
    yield stages.Stages(str(tmp_path), dict(os.environ))
    for signo, handler in before.items():
        signal.signal(signo, handler)


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Refusing:
    """So many spawns are refused, then none; the pauses that were made."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    spawned = stages.spawn

    def refuse(times: int) -> list[float]:
        def spawn(command: Sequence[str], env: dict[str, str]) -> int:
            nonlocal times
            times -= 1
            if times >= 0:
                raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN), command[0])
            return spawned(command, env)

        monkeypatch.setattr(stages, "spawn", spawn)
        return pauses

    return refuse


def test_a_limit_that_is_reached_for_a_moment_fails_nothing(
    made: stages.Stages, refusing: Refusing
) -> None:
    pauses = refusing(3)
    assert made.run("command", ["true"]) == {"code": 0, "signal": None}
    assert pauses == list(stages.PAUSES_S[:3])


def test_one_that_stays_is_told_in_the_end(
    made: stages.Stages, refusing: Refusing, capfd: pytest.CaptureFixture[str]
) -> None:
    pauses = refusing(1000)
    end = made.run("command", ["true"])
    assert end is not None and end["code"] == stages.NOT_EXECUTABLE
    assert pauses == list(stages.PAUSES_S)
    assert "can't be run: true: Resource temporarily unavailable" in capfd.readouterr().err


def test_a_stop_meanwhile_ends_the_waiting(
    made: stages.Stages, refusing: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = refusing(1000)

    def stop(pause_s: float) -> None:
        pauses.append(pause_s)
        made.stop = signal.SIGTERM

    monkeypatch.setattr(time, "sleep", stop)
    assert made.run("command", ["true"]) is None
    assert len(pauses) == 1
    refusing(1)
    assert made.run("post", ["true"]) == {"code": 0, "signal": None}
