"""Whose the processes on the GPUs are: their owners, their containers, and our runs among them.

A process is of a run of ours when it is below the run's process tree, in the cgroup of one of its
attempts, or names the run in its environment: one that escaped from the tree is still known by the
other two. One whose run is not live any more is an orphan, and so is a pid that is gone while the
driver still counts VRAM for it. Nobody's word but our own user's is taken, and only of runs that
this agent knows: several agents may share a machine.

Each process is looked up once while it stays listed.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from lanherd_agent.gpu.containers import attempt_of, container_of
from lanherd_agent.gpu.host import HostProbe, ProcessOwner
from lanherd_agent.gpu.probe import AttemptHold
from lanherd_agent.gpu.procfs import Proc, Stat
from lanherd_protocol.ids import RunId
from lanherd_protocol.values import GpuProcess, GpuReading

ANCESTORS_MAX = 64
"""How far up a process tree is looked; a deeper one is not taken for ours."""
GONE_TURNS = 2
"""A process that ends while it is listed is gone for one sample; one that stays so is an orphan."""


class Claim(NamedTuple):
    """A run, and its attempt where that is known."""

    run: RunId
    attempt: int | None = None


class _Known:
    """What was found out about one process."""

    def __init__(self, started: int, owner: ProcessOwner | None, container: str | None) -> None:
        self.started = started
        self.owner = owner
        self.container = container
        self.claim: Claim | None = None
        self.in_tree = False


class ProcessNames:
    """Adds to the processes of a reading what the machine knows of them."""

    def __init__(self, host: HostProbe, proc: Proc | None = None) -> None:
        self._host = host
        self._proc = proc or Proc()
        self._known: dict[int, _Known] = {}
        self._gone: dict[int, int] = {}
        self._ended: dict[RunId, bool] = {}
        self._live: set[Claim] = set()
        self._roots: dict[int, Claim] = {}
        self._simulated = False

    def turn(
        self,
        readings: Sequence[GpuReading],
        holds: Sequence[AttemptHold],
        *,
        simulated: bool = False,
    ) -> None:
        """Looks at who is listed now; forgets those who left."""
        self._simulated = simulated
        self._live = {Claim(hold.run, number) for hold in holds for number in (hold.attempt, None)}
        roots = roots_of(holds)
        moved, self._roots = roots != self._roots, roots
        listed = {process.pid for reading in readings for process in reading.processes}
        self._known = {pid: known for pid, known in self._known.items() if pid in listed}
        self._gone = {pid: turns for pid, turns in self._gone.items() if pid in listed}
        if simulated:
            for pid in listed.intersection(roots).difference(self._known):
                self._known[pid] = _Known(0, self._host.process(pid), None)
            return
        tree = _Tree(self._proc, roots)
        for pid in listed:
            self._look(pid, tree, moved)
        named = {known.claim.run for known in self._known.values() if known.claim is not None}
        self._ended = {run: ended for run, ended in self._ended.items() if run in named}

    def doubtful(self) -> set[RunId]:
        """Runs that processes name, which are not live, and of which nobody said yet if they are
        this agent's: ask, and `learn` the answer."""
        return {
            known.claim.run
            for known in self._known.values()
            if known.claim is not None
            and not known.in_tree
            and known.claim not in self._live
            and known.claim.run not in self._ended
        }

    def learn(self, asked: Iterable[RunId], ours: Collection[RunId]) -> None:
        """Which of the doubtful runs are this agent's."""
        self._ended.update({run: run in ours for run in asked})

    def name(self, process: GpuProcess) -> GpuProcess:
        known = self._known.get(process.pid)
        if self._simulated:
            # Its pid is nobody's, unless it is one of our own.
            root = self._roots.get(process.pid)
            run, orphan = (process.run, process.orphan) if root is None else (root.run, False)
        else:
            run, orphan = self._run_of(process.pid, known)
        named = replace(process, run=run, orphan=orphan)
        if known is None:
            return named
        owner = known.owner
        container = known.container or process.container
        if owner is None or process.user is not None:
            return replace(named, container=container)
        return replace(named, user=owner.user, command=owner.command, container=container)

    def _run_of(self, pid: int, known: _Known | None) -> tuple[RunId | None, bool]:
        """The run, and whether this is an orphan."""
        gone = self._gone.get(pid, 0) >= GONE_TURNS
        claim = None if known is None else known.claim
        if known is None or claim is None:
            return None, gone
        if claim in self._live:
            return claim.run, gone
        ours = known.in_tree or self._ended.get(claim.run, False)
        return (claim.run, True) if ours else (None, gone)

    def _look(self, pid: int, tree: "_Tree", moved: bool) -> None:
        stat = self._proc.stat(pid)
        if stat is None:
            if self._proc.is_gone(pid):
                self._gone[pid] = self._gone.get(pid, 0) + 1
            return
        self._gone.pop(pid, None)
        known = self._known.get(pid)
        if known is None or known.started != stat.started:
            known = self._known[pid] = self._meet(pid, stat)
        elif not moved:
            return
        if known.claim is None or known.claim not in self._live:
            claim = tree.root_above(pid, stat)
            if claim is not None:
                known.claim, known.in_tree = claim, True

    def _meet(self, pid: int, stat: Stat) -> _Known:
        cgroup = self._proc.cgroup(pid)
        known = _Known(stat.started, self._host.process(pid), container_of(cgroup))
        inside = attempt_of(cgroup)
        if inside is not None:
            known.claim = Claim(RunId(inside[0]), inside[1])
        else:
            named = self._proc.run_named(pid)
            known.claim = None if named is None else Claim(RunId(named))
        return known


class _Tree:
    """The parents of one moment: processes have most of their ancestors in common."""

    def __init__(self, proc: Proc, roots: Mapping[int, Claim]) -> None:
        self._proc = proc
        self._roots = roots
        self._parents: dict[int, int] = {}

    def root_above(self, pid: int, stat: Stat) -> Claim | None:
        """The attempt in whose process tree this is."""
        self._parents[pid] = stat.parent
        here = pid
        for _ in range(ANCESTORS_MAX if self._roots else 0):
            claim = self._roots.get(here)
            if claim is not None or here <= 1:
                return claim
            here = self._parent_of(here)
        return None

    def _parent_of(self, pid: int) -> int:
        parent = self._parents.get(pid)
        if parent is None:
            stat = self._proc.stat(pid)
            parent = self._parents[pid] = 0 if stat is None else stat.parent
        return parent


def roots_of(holds: Sequence[AttemptHold]) -> dict[int, Claim]:
    """The tops of our own process trees."""
    return {
        hold.root_pid: Claim(hold.run, hold.attempt) for hold in holds if hold.root_pid is not None
    }
