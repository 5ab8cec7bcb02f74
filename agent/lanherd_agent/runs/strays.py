"""Attempts that no launcher has: their shim is alive, but its launcher was killed.

Where the start of such an attempt can't be trusted either (it was torn, replaced or removed), its
processes are told by what they were given at their start.
"""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from lanherd_agent.runs import processes, rundir

LOOK_S, LOOKS_IN_VAIN = 0.5, 3


def signal_stray(directory: Path, signo: int, kill_after_s: float | None = None) -> int:
    """Signals the process tree of an attempt that no launcher has: how many processes got it.

    With `kill_after_s`, its shim kills what is left then.
    """
    attempt = rundir.AttemptDir(directory)
    try:
        start, exit_ = rundir.read_start(attempt), rundir.read_exit(attempt)
    except rundir.RunDirError:
        return processes.signal_all(processes_of(directory), signo)
    if start is None and exit_ is None:
        return processes.signal_all(processes_of(directory), signo)
    table = processes.process_table()
    if start is None or not rundir.is_alive(start) or attempt.exit.exists():
        return 0  # asked after the table was read: its shim may serve another attempt since
    shim = rundir.open_process(start.shim_pid, start.shim_start_time)
    if shim is not None:
        if kill_after_s is not None:
            processes.tell_stopping_to(shim, kill_after_s)
        os.close(shim)
        return processes.signal_all(processes.descendants([start.shim_pid], table), signo)
    is_command = start.pid in table and table[start.pid][2] == start.start_time
    mark = processes.mark_of(start.shim_pid, start.shim_start_time)
    command = start.pid if is_command else -1
    roots = processes.of_attempt(list(table), table, str(directory), command, mark)
    found = {pid: table[pid][2] for pid in roots} | processes.descendants(roots, table)
    return processes.signal_all(found, signo)


def processes_of(directory: Path) -> dict[int, int]:
    """Start time, by pid, of each process of an attempt: of those that were told its directory,
    those that bear the same mark and were told no other's, and all below these."""
    table = processes.process_table()
    told = {pid: _directory_told(pid) for pid in table}
    roots = [pid for pid, where in told.items() if where == os.fsencode(directory)]
    marks = {processes.read_mark(pid) for pid in roots}
    marks = {mark for mark in marks if mark & processes.MARK_BIT}
    if marks:
        untold = (pid for pid, where in told.items() if not where)
        roots += [pid for pid in untold if processes.read_mark(pid) in marks]
    return {pid: table[pid][2] for pid in roots} | processes.descendants(roots, table)


def eldest_of(directory: Path) -> tuple[int, int] | None:
    """Pid and start time of the process that was told the attempt's directory first: its command,
    as long as that lives. Not its shim, which may have served other attempts before."""
    table = processes.process_table()
    told = [pid for pid in table if _directory_told(pid) == os.fsencode(directory)]
    return min(((pid, table[pid][2]) for pid in told), key=lambda one: one[::-1], default=None)


def _directory_told(pid: int) -> bytes:
    variable = os.fsencode(f"{processes.MARK}=")
    for line in processes.read_proc(pid, "environ").split(b"\0"):
        if line.startswith(variable):
            return line.removeprefix(variable)
    return b""


async def until_gone(directory: Path, is_known: Callable[[], bool]) -> rundir.Exit | None:
    """Wait until nothing of the attempt lives, or somebody else knows it. Its exit, if there is one
    to be trusted: its shim may be about to write that when the last process is gone."""
    looks = 0
    while not is_known():
        try:
            exit_ = rundir.read_exit(rundir.AttemptDir(directory))
        except rundir.RunDirError:
            exit_ = None
        if exit_ is not None:
            return exit_
        looks = 0 if await asyncio.to_thread(processes_of, directory) else looks + 1
        if looks == LOOKS_IN_VAIN:
            return None
        await asyncio.sleep(LOOK_S)
    return None
