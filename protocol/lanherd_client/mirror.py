"""What a controller knows about its machines: a reducer without I/O.

Facts go in (`Input`), and `Mirror.apply` says what an observer must read again. Applying a fact
twice, or an older one after a newer one, changes nothing, so that a feed that is resumed, replayed
or overlapped by a snapshot always ends at the machine's own truth. The mirror is changed in place:
a fleet has 100,000 runs, and an event touches one of them. What it hands out is frozen.

A run that was live here and is absent from a snapshot is *doubtful*, not gone: a snapshot names
only the newest ended runs. The session asks for doubtful runs one by one.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from lanherd_client.changes import Change, MachineChanged, RunChanged, RunsChanged, TelemetryChanged
from lanherd_protocol.errors import Failure
from lanherd_protocol.ids import DeviceId, GpuUuid, RunId
from lanherd_protocol.messages import MachineSnapshot, Role
from lanherd_protocol.states import Ended, RunView, is_live
from lanherd_protocol.values import MachineFacts, Reason, Telemetry

HISTORY_S = 60.0
HISTORY_POINTS_MAX = 240
ENDED_RUNS_MAX = 10_000
"""Ended runs kept per machine; older ones are asked for when they are wanted."""


# --- Links ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Connecting:
    """The first try is under way. `since` is a Unix time in seconds, here and below."""

    since: float


@dataclass(frozen=True, slots=True)
class Online:
    """Connected; `role` is what the machine lets this controller do, `user` whose the runs are that
    it submits there (empty where an older agent doesn't tell)."""

    since: float
    role: Role
    version: str
    address: str
    user: str = ""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No connection since `since`; what was last known is kept."""

    since: float
    failure: Failure


@dataclass(frozen=True, slots=True)
class Refused:
    """The machine, or we, refuse the connection: another key, revoked, another version."""

    since: float
    failure: Failure


LinkState = Connecting | Online | Unreachable | Refused


# --- What is handed out --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MachineView:
    """A machine as it is known now. `facts` and `telemetry` are None until it has answered once.

    `runs_live` hold a lease, `runs_waiting` are queued or being prepared, `runs_total` counts all
    that the machine remembers; so they may count more runs than are known here one by one.
    `problems` is what is wrong with the machine beside its GPUs: its disk, its records.
    """

    machine: DeviceId
    name: str
    link: LinkState
    facts: MachineFacts | None = None
    telemetry: Telemetry | None = None
    runs_live: int = 0
    runs_waiting: int = 0
    runs_total: int = 0
    problems: tuple[Reason, ...] = ()

    @property
    def simulated(self) -> bool:
        """Whether its GPUs are simulated."""
        return self.facts is not None and self.facts.gpu_source == "simulated"

    @property
    def online(self) -> bool:
        return isinstance(self.link, Online)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run and the machine that it belongs to."""

    machine: DeviceId
    view: RunView


@dataclass(frozen=True, slots=True)
class GpuPoint:
    """One sample of a GPU's history; `at` is the machine's own Unix time in seconds."""

    at: float
    utilisation_percent: float | None
    vram_used_bytes: int | None


# --- What goes in --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MachineKnown:
    """The controller knows a machine, or knows it by another name now."""

    machine: DeviceId
    name: str
    at: float


@dataclass(frozen=True, slots=True)
class MachineForgotten:
    machine: DeviceId


@dataclass(frozen=True, slots=True)
class LinkMoved:
    machine: DeviceId
    link: LinkState


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    """`first` on a connection: a lower number than before then means that the log began anew."""

    machine: DeviceId
    snapshot: MachineSnapshot
    first: bool = False


@dataclass(frozen=True, slots=True)
class RunSeen:
    """A run as the machine told it, by an event or an answer."""

    machine: DeviceId
    view: RunView


@dataclass(frozen=True, slots=True)
class RestSeen:
    """All runs that have not ended were told, those that a snapshot left out too."""

    machine: DeviceId


@dataclass(frozen=True, slots=True)
class FeedReached:
    """All events of feed `runs` up to `seq` were seen."""

    machine: DeviceId
    seq: int


@dataclass(frozen=True, slots=True)
class RunGone:
    """The machine no longer knows the run."""

    machine: DeviceId
    run: RunId


@dataclass(frozen=True, slots=True)
class TelemetrySeen:
    machine: DeviceId
    telemetry: Telemetry


@dataclass(frozen=True, slots=True)
class ProblemsSeen:
    """What the agent says is wrong with its machine, asked of it beside its telemetry."""

    machine: DeviceId
    problems: tuple[Reason, ...]


Input = (
    MachineKnown
    | MachineForgotten
    | LinkMoved
    | SnapshotTaken
    | RunSeen
    | RestSeen
    | FeedReached
    | RunGone
    | TelemetrySeen
    | ProblemsSeen
)


# --- The reducer ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Machine:
    view: MachineView
    seq: int = 0
    runs: dict[RunId, RunView] = field(default_factory=dict)
    ended: deque[RunId] = field(default_factory=deque)
    doubtful: set[RunId] = field(default_factory=set)
    newest_submitted_at: float = 0.0
    counted_seq: int = 0
    """The number of the last snapshot: what is no newer was counted by it."""
    unnamed_live: int = 0
    unnamed_waiting: int = 0
    """Runs that the last snapshot counted and left out, and that were not told since."""
    history: dict[GpuUuid, deque[GpuPoint]] = field(default_factory=dict)

    def count(self, view: RunView, step: int) -> None:
        if isinstance(view.state, Ended):
            return
        if is_live(view.state):
            self.view = replace(self.view, runs_live=self.view.runs_live + step)
        else:
            self.view = replace(self.view, runs_waiting=self.view.runs_waiting + step)

    def put_run(self, view: RunView) -> tuple[RunId, ...]:
        """Takes a run if it is news; the runs that changed, evicted ones included."""
        known = self.runs.get(view.run)
        self.doubtful.discard(view.run)
        if known is not None and view.seq <= known.seq:
            return ()
        if known is not None:
            self.count(known, -1)
        elif view.submitted_at <= self.newest_submitted_at or 0 < view.seq <= self.counted_seq:
            self.name(view)
        else:
            self.view = replace(self.view, runs_total=self.view.runs_total + 1)
        self.newest_submitted_at = max(self.newest_submitted_at, view.submitted_at)
        self.count(view, 1)
        self.runs[view.run] = view
        if not isinstance(view.state, Ended):
            return (view.run,)
        if known is None or not isinstance(known.state, Ended):
            self.ended.append(view.run)
        return (view.run, *self.evict())

    def name(self, view: RunView) -> None:
        """A run that a snapshot left out is told: it is counted by itself from now on."""
        if is_live(view.state) and self.unnamed_live:
            self.leave_unnamed(self.unnamed_live - 1, self.unnamed_waiting)
        elif not isinstance(view.state, Ended) and self.unnamed_waiting:
            self.leave_unnamed(self.unnamed_live, self.unnamed_waiting - 1)

    def leave_unnamed(self, live: int, waiting: int) -> None:
        self.view = replace(
            self.view,
            runs_live=self.view.runs_live - self.unnamed_live + live,
            runs_waiting=self.view.runs_waiting - self.unnamed_waiting + waiting,
        )
        self.unnamed_live, self.unnamed_waiting = live, waiting

    def evict(self) -> Iterator[RunId]:
        while len(self.ended) > ENDED_RUNS_MAX:
            oldest = self.ended.popleft()
            if self.runs.pop(oldest, None) is not None:
                yield oldest

    def drop_run(self, run: RunId) -> bool:
        self.doubtful.discard(run)
        known = self.runs.pop(run, None)
        if known is None:
            return False
        self.count(known, -1)
        return True

    def begin_anew(self) -> None:
        self.seq = 0
        self.runs.clear()
        self.ended.clear()
        self.doubtful.clear()
        self.newest_submitted_at = 0.0
        self.counted_seq = self.unnamed_live = self.unnamed_waiting = 0
        self.view = replace(self.view, runs_live=0, runs_waiting=0, runs_total=0)

    def sample(self, telemetry: Telemetry) -> None:
        self.view = replace(self.view, telemetry=telemetry, problems=telemetry.problems)
        for reading in telemetry.gpus:
            points = self.history.setdefault(reading.uuid, deque(maxlen=HISTORY_POINTS_MAX))
            # A machine whose clock was set back starts its line again from there.
            while points and points[-1].at >= telemetry.at:
                points.pop()
            while points and points[0].at < telemetry.at - HISTORY_S:
                points.popleft()
            points.append(
                GpuPoint(telemetry.at, reading.utilisation_percent, reading.vram_used_bytes)
            )
        present = {reading.uuid for reading in telemetry.gpus}
        for uuid in [uuid for uuid in self.history if uuid not in present]:
            del self.history[uuid]


class Mirror:
    """All that is known about all machines. Not thread-safe: it belongs to one event loop."""

    def __init__(self) -> None:
        self._machines: dict[DeviceId, _Machine] = {}

    # reading

    def machines(self) -> tuple[MachineView, ...]:
        """All machines by name."""
        views = (machine.view for machine in self._machines.values())
        return tuple(sorted(views, key=lambda view: (view.name.casefold(), view.machine)))

    def machine(self, machine: DeviceId) -> MachineView | None:
        known = self._machines.get(machine)
        return None if known is None else known.view

    def seq(self, machine: DeviceId) -> int:
        """The number of the last event of feed `runs` that is in the mirror."""
        known = self._machines.get(machine)
        return 0 if known is None else known.seq

    def runs(self, machine: DeviceId) -> tuple[RunView, ...]:
        known = self._machines.get(machine)
        return () if known is None else tuple(known.runs.values())

    def run(self, machine: DeviceId, run: RunId) -> RunView | None:
        known = self._machines.get(machine)
        return None if known is None else known.runs.get(run)

    def doubtful(self, machine: DeviceId) -> frozenset[RunId]:
        """Runs that were live here and that the last snapshot did not name."""
        known = self._machines.get(machine)
        return frozenset() if known is None else frozenset(known.doubtful)

    def history(self, machine: DeviceId, gpu: GpuUuid) -> tuple[GpuPoint, ...]:
        """The last `HISTORY_S` seconds of a GPU, oldest first."""
        known = self._machines.get(machine)
        return () if known is None else tuple(known.history.get(gpu, ()))

    # changing

    def apply(self, fact: Input) -> tuple[Change, ...]:
        """Takes a fact in; what observers must read again."""
        if isinstance(fact, MachineKnown):
            return self._on_known(fact)
        machine = self._machines.get(fact.machine)
        if machine is None:
            return ()
        match fact:
            case MachineForgotten():
                del self._machines[fact.machine]
                return (MachineChanged(fact.machine), RunsChanged(fact.machine))
            case LinkMoved(link=link):
                machine.view = replace(machine.view, link=link)
                return (MachineChanged(fact.machine),)
            case TelemetrySeen(telemetry=telemetry):
                before = machine.view.problems
                machine.sample(telemetry)
                sampled = TelemetryChanged(fact.machine)
                if machine.view.problems == before:
                    return (sampled,)
                return (sampled, MachineChanged(fact.machine))
            case ProblemsSeen(problems=problems):
                before, machine.view = (
                    machine.view.problems,
                    replace(machine.view, problems=problems),
                )
                return () if problems == before else (MachineChanged(fact.machine),)
            case SnapshotTaken():
                return _on_snapshot(machine, fact)
            case _:
                return _on_run(machine, fact)

    def _on_known(self, fact: MachineKnown) -> tuple[Change, ...]:
        machine = self._machines.get(fact.machine)
        if machine is None:
            view = MachineView(fact.machine, fact.name, Connecting(fact.at))
            self._machines[fact.machine] = _Machine(view)
        elif machine.view.name == fact.name:
            return ()
        else:
            machine.view = replace(machine.view, name=fact.name)
        return (MachineChanged(fact.machine),)


def _on_run(
    machine: _Machine, fact: RunSeen | RestSeen | FeedReached | RunGone
) -> tuple[Change, ...]:
    counts = _counts(machine.view)
    changed: tuple[RunId, ...] = ()
    if isinstance(fact, RunSeen):
        changed = machine.put_run(fact.view)
    elif isinstance(fact, RestSeen):
        machine.leave_unnamed(0, 0)
    elif isinstance(fact, FeedReached):
        machine.seq = max(machine.seq, fact.seq)
    elif machine.drop_run(fact.run):
        changed = (fact.run,)
    changes: tuple[Change, ...] = tuple(RunChanged(fact.machine, run) for run in changed)
    if _counts(machine.view) != counts:
        return (*changes, MachineChanged(fact.machine))
    return changes


def _on_snapshot(machine: _Machine, fact: SnapshotTaken) -> tuple[Change, ...]:
    snapshot = fact.snapshot
    anew = fact.first and snapshot.seq < machine.seq
    if anew:
        machine.begin_anew()
    named = {view.run for view in snapshot.runs}
    machine.doubtful = {
        run
        for run, view in machine.runs.items()
        if run not in named and view.seq <= snapshot.seq and not isinstance(view.state, Ended)
    }
    machine.leave_unnamed(0, 0)
    changed = [run for view in snapshot.runs for run in machine.put_run(view)]
    machine.seq = max(machine.seq, snapshot.seq)
    machine.counted_seq = snapshot.seq
    total = max(snapshot.runs_total, len(machine.runs))
    machine.view = replace(machine.view, facts=snapshot.facts, runs_total=total)
    machine.leave_unnamed(
        max((snapshot.runs_live or 0) - machine.view.runs_live, 0),
        max((snapshot.runs_waiting or 0) - machine.view.runs_waiting, 0),
    )
    changes: list[Change] = [MachineChanged(fact.machine)]
    if snapshot.telemetry is not None:
        machine.sample(snapshot.telemetry)
        changes.append(TelemetryChanged(fact.machine))
    if anew:
        changes.append(RunsChanged(fact.machine))
    else:
        changes.extend(RunChanged(fact.machine, run) for run in changed)
    return tuple(changes)


def _counts(view: MachineView) -> tuple[int, int, int]:
    return view.runs_live, view.runs_waiting, view.runs_total
