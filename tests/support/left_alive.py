"""Agents, launchers and runs that outlive their test, most often because it failed.

A launcher stays for its live runs, and is no child of the tests: nothing else would end it.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from lanherd_agent.runs import processes
from tests.support.waiting import wait_until

GONE_S = 20.0


class Agent(Protocol):
    home: Path

    def end_at_once(self) -> None: ...


_noted: list[Agent | Path] = []


def note_agent(agent: Agent) -> None:
    """It is ended after the test that it was first started in, if that has not done so."""
    if agent not in _noted:
        _noted.append(agent)
    note_home(agent.home)


def note_home(home: Path) -> None:
    """So are this home's launchers, and all that they have started."""
    if home not in _noted:
        _noted.append(home)


@contextmanager
def ends_what_is_left() -> Iterator[None]:
    """Of what is noted in the block: what is wider than that (a module's) goes on."""
    before = len(_noted)
    try:
        yield
    finally:
        end_noted(before)


def end_noted(since: int = 0) -> None:
    noted = _noted[since:]
    del _noted[since:]
    # Agents come before their homes: else they would start a launcher again.
    for one in noted:
        if isinstance(one, Path):
            end_all(one)
        else:
            one.end_at_once()


def end_all(home: Path) -> None:
    """Launchers, shims and runs of this home."""
    wait_until(lambda: not processes.signal_all(living(home), signal.SIGKILL), GONE_S)


def living(home: Path) -> dict[int, int]:
    """Start time, by pid, of each."""
    runs = os.fsencode(f"{processes.MARK}={home}/runs/")
    table = processes.process_table()
    roots = launchers(home)
    for pid in table:
        told = processes.read_proc(pid, "environ").split(b"\0")
        if any(variable.startswith(runs) for variable in told):
            roots.append(pid)
    found = {pid: table[pid][2] for pid in roots if pid in table}
    return found | processes.descendants(roots, table)


def launchers(home: Path) -> list[int]:
    """And their shims: they are told from others by their own argument, the socket in this home."""
    socket = os.fsencode(home / "launcher.sock")
    return [
        pid
        for pid in processes.process_table()
        if socket in processes.read_proc(pid, "cmdline").split(b"\0")
    ]
