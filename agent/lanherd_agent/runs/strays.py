"""Attempts that no launcher has: their shim is alive, but its launcher was killed."""

import os
from pathlib import Path

from lanherd_agent.runs import processes, rundir


def signal_stray(directory: Path, signo: int, kill_after_s: float | None = None) -> int:
    """Signals the process tree of an attempt that no launcher has: how many processes got it.

    With `kill_after_s`, its shim kills what is left then.
    """
    try:
        start = rundir.read_start(rundir.AttemptDir(directory))
    except rundir.RunDirError:
        return 0  # nobody knows which processes those would be
    table = processes.process_table()
    if start is None or not rundir.is_alive(start) or rundir.AttemptDir(directory).exit.exists():
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
