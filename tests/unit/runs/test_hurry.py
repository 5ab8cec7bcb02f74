"""A process that hurries past a storm, and what it forks meanwhile."""

import os

from lanherd_agent.runs import processes


def policy_of_a_child() -> int:
    read_end, write_end = os.pipe()
    child = os.posix_spawn("/bin/cat", ["cat", "/proc/self/stat"], {}, file_actions=[
        (os.POSIX_SPAWN_DUP2, write_end, 1), (os.POSIX_SPAWN_CLOSE, read_end)
    ])  # fmt: skip
    os.close(write_end)
    with open(read_end, "rb") as told:
        stat = told.read()
    os.waitpid(child, 0)
    return int(stat.rpartition(b")")[2].split()[38])  # the 41st field: see proc(5)


def test_only_the_process_itself_hurries() -> None:
    try:
        hurries = processes.hurry(True)
        assert os.sched_getscheduler(0) == (processes.HURRYING if hurries else os.SCHED_OTHER)
        assert policy_of_a_child() == os.SCHED_OTHER
    finally:
        processes.hurry(False)
    assert os.sched_getscheduler(0) in (os.SCHED_OTHER, os.SCHED_OTHER | os.SCHED_RESET_ON_FORK)
