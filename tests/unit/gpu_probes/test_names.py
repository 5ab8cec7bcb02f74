"""Whose the processes are: by tree, by cgroup, by the one variable; and those that nobody owns."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from lanherd_agent.gpu.host import HostProbe, ProcessOwner
from lanherd_agent.gpu.names import GONE_TURNS, ProcessNames
from lanherd_agent.gpu.probe import AttemptHold
from lanherd_agent.gpu.procfs import Proc, Stat
from lanherd_agent.gpu.telemetry import complete, ours_bytes
from lanherd_protocol.ids import GpuUuid, RunId
from lanherd_protocol.values import GpuProcess, GpuReading, LeasedGpu

RUN, OTHER = RunId("01890000-0000-7000-8000-000000000001"), RunId("run-of-another-agent")
GPU = GpuUuid("GPU-0")
CONTAINER = "0123456789abcdef" * 4


class FakeHost(HostProbe):
    """Names every process, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def process(self, pid: int) -> ProcessOwner:
        self.asked.append(pid)
        return ProcessOwner(user="ada", command=f"python {pid}")


class FakeProc(Proc):
    """A process table that the test writes."""

    def __init__(self, parents: dict[int, int]) -> None:
        self.stats = {pid: Stat(parent, 100) for pid, parent in parents.items()}
        self.cgroups: dict[int, str] = {}
        self.environments: dict[int, str] = {}
        self.hidden: set[int] = set()
        self.reads = 0

    def stat(self, pid: int) -> Stat | None:
        self.reads += 1
        return self.stats.get(pid)

    def cgroup(self, pid: int) -> str:
        return f"0::{self.cgroups.get(pid, '/user.slice')}\n"

    def run_named(self, pid: int) -> str | None:
        return self.environments.get(pid)

    def is_gone(self, pid: int) -> bool:
        return pid not in self.stats and pid not in self.hidden


class Rig:
    """Processes 1 > 40 (a shim) > 50 (its command), and 99, which is somebody else's."""

    def __init__(self) -> None:
        self.host = FakeHost()
        self.proc = FakeProc({1: 0, 40: 1, 50: 40, 99: 1})
        self.names = ProcessNames(self.host, self.proc)

    def turn(
        self, pids: Iterable[int], holds: Iterable[AttemptHold] = (), known: Iterable[RunId] = ()
    ) -> tuple[GpuProcess, ...]:
        readings = [GpuReading(uuid=GPU, processes=tuple(GpuProcess(pid=pid) for pid in pids))]
        held = list(holds)
        self.names.turn(readings, held)
        self.names.learn(self.names.doubtful(), set(known))
        (reading,) = complete(readings, held, self.names.name)
        return reading.processes


def hold(pid: int | None = 40, attempt: int = 1) -> AttemptHold:
    share = LeasedGpu(index=0, uuid=GPU, vram_bytes=30)
    return AttemptHold(run=RUN, attempt=attempt, gpus=(share,), root_pid=pid)


def owners(processes: tuple[GpuProcess, ...]) -> list[tuple[RunId | None, bool]]:
    return [(process.run, process.orphan) for process in processes]


def test_the_tree_of_a_run_is_ours_and_the_rest_is_not() -> None:
    rig = Rig()
    processes = rig.turn([50, 40, 99], [hold()])
    assert owners(processes) == [(RUN, False), (RUN, False), (None, False)]
    assert (processes[2].user, processes[2].command) == ("ada", "python 99")


def test_names_are_looked_up_once_while_a_pid_stays() -> None:
    rig = Rig()
    for _ in range(3):
        rig.turn([50, 99], [hold()])
    assert sorted(rig.host.asked) == [50, 99]
    rig.turn([99], [hold()])
    rig.turn([50, 99], [hold()])
    assert sorted(rig.host.asked) == [50, 50, 99]


def test_a_pid_that_was_given_to_another_process_is_looked_up_again() -> None:
    rig = Rig()
    rig.turn([50], [hold()])
    rig.proc.stats[50] = Stat(1, 200)
    assert owners(rig.turn([50], [hold()])) == [(None, False)]
    assert rig.host.asked == [50, 50]


def test_a_run_whose_tree_is_known_later_is_found_then() -> None:
    rig = Rig()
    assert owners(rig.turn([50], [hold(pid=None)])) == [(None, False)]
    assert owners(rig.turn([50], [hold()])) == [(RUN, False)]


def test_a_steady_turn_reads_each_process_once() -> None:
    rig = Rig()
    rig.turn([50, 99], [hold()])
    rig.proc.reads = 0
    rig.turn([50, 99], [hold()])
    assert rig.proc.reads == 2


def test_one_that_left_the_tree_stays_known_until_its_attempt_ends() -> None:
    rig = Rig()
    rig.turn([50], [hold()])
    rig.proc.stats[50] = Stat(1, 100)
    assert owners(rig.turn([50], [hold(), hold(pid=77, attempt=2)])) == [(RUN, False)]
    assert owners(rig.turn([50], [hold(pid=77, attempt=2)])) == [(RUN, True)]
    assert owners(rig.turn([50])) == [(RUN, True)]


def test_one_that_escaped_is_known_by_its_cgroup() -> None:
    rig = Rig()
    rig.proc.cgroups[99] = f"/system.slice/lanherd.service/lanherd-runs/{RUN}.2/inner"
    assert owners(rig.turn([99], [hold(attempt=2)])) == [(RUN, False)]
    # Of an attempt before the live one, and of one after all of them.
    assert owners(rig.turn([99], [hold(attempt=3)], [RUN])) == [(RUN, True)]
    assert owners(rig.turn([99], [], [RUN])) == [(RUN, True)]


def test_one_that_escaped_is_known_by_its_variable() -> None:
    rig = Rig()
    rig.proc.environments[99] = RUN
    assert owners(rig.turn([99], [hold()])) == [(RUN, False)]
    assert owners(rig.turn([99], [], [RUN])) == [(RUN, True)]


def test_a_run_of_another_agent_is_foreign() -> None:
    rig = Rig()
    rig.proc.environments[99] = OTHER
    assert owners(rig.turn([99], [hold()], [RUN])) == [(None, False)]
    assert rig.names.doubtful() == set()


def test_a_pid_that_is_gone_is_an_orphan_once_it_stays_so() -> None:
    rig = Rig()
    first = rig.turn([4242])
    later = [rig.turn([4242]) for _ in range(GONE_TURNS)]
    assert owners(first) == [(None, False)]
    assert owners(later[-1]) == [(None, True)]
    assert later[-1][0].command is None
    rig.proc.stats[4242] = Stat(1, 5)
    assert owners(rig.turn([4242])) == [(None, False)]


def test_a_process_of_ours_that_is_gone_keeps_its_name() -> None:
    rig = Rig()
    rig.turn([50], [hold()])
    del rig.proc.stats[50]
    assert owners(rig.turn([50], [hold()])) == [(RUN, False)]
    (process,) = rig.turn([50], [hold()])
    assert (process.run, process.orphan, process.command) == (RUN, True, "python 50")


def test_a_process_that_proc_hides_is_not_gone() -> None:
    rig = Rig()
    rig.proc.hidden = {4242}
    for _ in range(GONE_TURNS + 1):
        processes = rig.turn([4242])
    assert owners(processes) == [(None, False)]


def test_the_container_of_a_process_is_told() -> None:
    rig = Rig()
    rig.proc.cgroups[99] = f"/system.slice/docker-{CONTAINER}.scope"
    assert [process.container for process in rig.turn([50, 99])] == [None, CONTAINER[:12]]


def test_an_endless_tree_is_nobodys() -> None:
    rig = Rig()
    rig.proc.stats = {pid: Stat(pid + 1, 1) for pid in range(100, 300)}
    assert owners(rig.turn([100], [hold(pid=299)])) == [(None, False)]
    rig.proc.stats = {100: Stat(101, 1)}
    assert owners(rig.turn([100], [hold(pid=299), hold(pid=298)])) == [(None, False)]


def test_simulated_processes_are_as_their_script_says() -> None:
    rig = Rig()
    told = (
        GpuProcess(pid=40),
        GpuProcess(pid=4242, user="eve", command="x", container="box"),
        GpuProcess(pid=4243, run=OTHER, orphan=True),
    )
    readings = [GpuReading(uuid=GPU, processes=told)]
    for _ in range(GONE_TURNS + 1):
        rig.names.turn(readings, [hold()], simulated=True)
    (reading,) = complete(readings, [hold()], rig.names.name)
    assert reading.processes == (
        GpuProcess(pid=40, run=RUN, user="ada", command="python 40"), told[1], told[2],
    )  # fmt: skip
    assert rig.host.asked == [40]
    assert rig.proc.reads == 0


# --- /proc itself --------------------------------------------------------------------------------


def test_this_process_and_its_children_are_read() -> None:
    proc = Proc()
    variables = {**os.environ, "SECRET": "x", "LANHERD_RUN_ID": RUN}
    command = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=variables
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        stat, run, cgroup = proc.stat(child.pid), proc.run_named(child.pid), proc.cgroup(child.pid)
        there = not proc.is_gone(child.pid)
        child.communicate(b"\n")
    assert stat is not None
    assert stat.parent == os.getpid()
    assert (run, there) == (RUN, True)
    assert ":" in cgroup
    assert proc.is_gone(child.pid)
    assert proc.stat(child.pid) is None
    assert proc.run_named(child.pid) is None
    assert proc.cgroup(child.pid) == ""


def test_no_word_of_another_user_and_none_that_is_too_long_is_taken(tmp_path: Path) -> None:
    folder = f"{tmp_path}/7"
    os.mkdir(folder)
    with open(f"{folder}/environ", "wb") as file:
        file.write(b"A=1\0LANHERD_RUN_ID=" + b"x" * 100 + b"\0")
    assert Proc(str(tmp_path)).run_named(7) is None
    with open(f"{folder}/environ", "wb") as file:
        file.write(b"XLANHERD_RUN_ID=no\0LANHERD_RUN_ID=\0")
    assert Proc(str(tmp_path)).run_named(7) is None


# --- Sums ----------------------------------------------------------------------------------------


def test_vram_of_ours_is_summed_or_taken_from_what_nobody_explains() -> None:
    mine, unknown = GpuProcess(pid=1, run=RUN, vram_bytes=10), GpuProcess(pid=2, run=RUN)
    orphan = GpuProcess(pid=3, run=RUN, vram_bytes=5, orphan=True)
    foreign = GpuProcess(pid=4, vram_bytes=20)
    assert ours_bytes((mine, orphan, foreign), 50, 30) == 10
    assert ours_bytes((mine, unknown, foreign), 50, 100) == 30
    assert ours_bytes((mine, unknown, foreign), 50, 15) == 15
    assert ours_bytes((mine, unknown), None, 15) == 10
    assert ours_bytes((mine, unknown), 5, 5) == 10


def test_instances_are_named_and_their_promises_are_their_gpus_too() -> None:
    rig = Rig()
    inside = GpuReading(
        uuid=GpuUuid("MIG-1"), vram_used_bytes=9, processes=(GpuProcess(pid=50, vram_bytes=8),)
    )
    whole = GpuReading(uuid=GPU, vram_used_bytes=9, processes=inside.processes, instances=(inside,))
    share = LeasedGpu(index=0, uuid=GpuUuid("MIG-1"), vram_bytes=30, instance=0)
    holds = [AttemptHold(run=RUN, attempt=1, gpus=(share,), root_pid=40)]
    rig.names.turn([whole], holds)
    (reading,) = complete([whole], holds, rig.names.name)
    (instance,) = reading.instances
    assert instance.processes[0].run == reading.processes[0].run == RUN
    assert (instance.vram_ours_bytes, instance.vram_leased_bytes) == (8, 30)
    assert (reading.vram_ours_bytes, reading.vram_leased_bytes) == (8, 30)
