"""All machines of one controller: the asyncio face of Lanherd.

    async with Fleet.open() as fleet:
        run = await fleet.submit(project=Path("."), command=["python", "train.py"], gpus=1)
        async for line in run.lines():
            print(line)

One loop owns the fleet. Reading (`machines`, `runs`, `history`) takes what the mirror holds;
`async` methods ask machines; `changes` tells what to read again. What is handed out is frozen.
"""

import asyncio
import logging
import random
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Unpack

from msgspec.structs import astuple

from lanherd_client.changes import Change, MachineChanged, RunChanged, RunsChanged, SightingsChanged
from lanherd_client.choosing import Choice, MachineNames, choose_for, find_machine, find_machines
from lanherd_client.dialling import dial
from lanherd_client.discovery import Sighting, Source, merge
from lanherd_client.discovery.local import LocalSource
from lanherd_client.finding import find_run
from lanherd_client.home import controller_home, ensure_home
from lanherd_client.machine_calls import MachineCalls
from lanherd_client.machines import KnownMachine, MachineBook
from lanherd_client.mirror import (
    GpuPoint,
    Input,
    MachineForgotten,
    MachineKnown,
    MachineView,
    Mirror,
    RunRecord,
    RunSeen,
)
from lanherd_client.new_ids import new_id
from lanherd_client.observers import Changes
from lanherd_client.orders import Order, RunOptions, RunRef, order, refs_of, run_of
from lanherd_client.pairing import pair_through_socket
from lanherd_client.push_calls import PushCalls
from lanherd_client.run import Run
from lanherd_client.session import Session
from lanherd_client.submitting import EnvironmentChoice, Progress, submit_to
from lanherd_client.sweeps.calls import SweepCalls
from lanherd_client.wishes import GpuCount
from lanherd_protocol.aio.identity import Identity, load_or_create_identity
from lanherd_protocol.aio.peer import Peer
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.handshake import local_hello
from lanherd_protocol.ids import DeviceId, GpuUuid, RunId
from lanherd_protocol.states import RunView
from lanherd_protocol.values import GpuRequest, HostRequest

_log = logging.getLogger(__name__)

BOOK_POLL_S = 1.0


class Fleet(MachineCalls, SweepCalls, PushCalls):
    """The machines that this controller is paired with. Made by `Fleet.open`."""

    def __init__(
        self, home: Path, identity: Identity, sources: Sequence[Source], tasks: TaskOwner
    ) -> None:
        super().__init__(self._session_of_name, self._take)
        self.home = home
        self._identity = identity
        self._sources = sources
        self._tasks = tasks
        self._hello = local_hello(name=_own_name(), device=identity.device)
        self._book = MachineBook(home)
        self._mirror = Mirror()
        self._known: dict[DeviceId, KnownMachine] = {}
        self._sessions: dict[DeviceId, Session] = {}
        self._session_tasks: dict[DeviceId, asyncio.Task[None]] = {}
        self._seen: dict[str, tuple[Sighting, ...]] = {}
        self._observers: list[Changes] = []
        self._book_stamp: tuple[int, int, int] | None = None
        self._closed = False

    @classmethod
    def open(
        cls, home: Path | None = None, *, sources: Sequence[Source] | None = None
    ) -> AbstractAsyncContextManager["Fleet"]:
        """A fleet that is connected for the length of an `async with` block.

        `home` None is `LANHERD_HOME` or the user's data folder. Raises `HOME_UNUSABLE`.
        """
        return _opened(cls, home, (LocalSource(),) if sources is None else sources)

    @property
    def device(self) -> DeviceId:
        """The id of this controller."""
        return self._identity.device

    # --- life --------------------------------------------------------------------------------

    async def _start(self) -> None:
        for source in self._sources:
            self._tasks.spawn(self._watch(source), f"watch {source.name}")
        # Lets each source report what it sees at once, before the first try to connect: the
        # adverts of this machine know today's ports.
        await asyncio.sleep(0)
        self._read_book()
        self._tasks.spawn(self._watch_book(), "watch the list of machines")

    async def _watch(self, source: Source) -> None:
        def report(sightings: tuple[Sighting, ...]) -> None:
            before = set(self._seen.get(source.name, ()))
            self._seen[source.name] = sightings
            for sighting in set(sightings) - before:
                if sighting.machine in self._sessions:
                    self._sessions[sighting.machine].wake()
            self._tell((SightingsChanged(),))

        await source.watch(report)

    async def _watch_book(self) -> None:
        """Another program may pair or forget machines while this one runs."""
        while True:
            await asyncio.sleep(BOOK_POLL_S)
            if self._book.stamp() == self._book_stamp:
                continue
            try:
                self._read_book()
            except LanherdError as problem:
                # Said once, since the stamp is noted; what was known before stays.
                _log.warning("%s", problem)

    def _read_book(self) -> None:
        self._book_stamp = self._book.stamp()
        known = {machine.machine: machine for machine in self._book.load()}
        for gone in self._known.keys() - known.keys():
            self._end_session(gone)
        for machine in known.values():
            self._known_as(machine)

    def _known_as(self, machine: KnownMachine) -> None:
        before = self._known.get(machine.machine)
        self._known[machine.machine] = machine
        self._take(MachineKnown(machine.machine, machine.name, time.time()))
        if before is None:
            self._begin_session(machine)
        elif before.certificate_pem != machine.certificate_pem or before.role != machine.role:
            self._sessions[machine.machine].wake()

    def _begin_session(self, machine: KnownMachine) -> None:
        session = Session(
            machine.machine,
            machine.name,
            lambda: self._dial(machine.machine),
            self._mirror,
            self._take,
            clock=time.time,
            random=random.random,
        )
        self._sessions[machine.machine] = session
        task = self._tasks.spawn(session.run(), f"session {machine.name}")
        self._session_tasks[machine.machine] = task

    def _end_session(self, machine: DeviceId) -> None:
        self._known.pop(machine, None)
        session = self._sessions.pop(machine, None)
        task = self._session_tasks.pop(machine, None)
        if task is not None:
            task.cancel()
        if session is not None:
            session.forget()
        self._take(MachineForgotten(machine))

    async def _dial(self, machine: DeviceId) -> Peer:
        known = self._known[machine]
        sightings = [s for s in self.sightings(unpaired_only=False) if s.machine == machine]
        peer, found = await dial(known, sightings, self._identity, self._hello)
        if (found.addresses, found.port) != (known.addresses, known.port):
            self._known[machine] = found
            await asyncio.to_thread(self._book.move, machine, found.addresses, found.port)
        return peer

    def _take(self, fact: Input) -> None:
        changes = self._mirror.apply(fact)
        for change in changes:
            if isinstance(change, RunChanged) and change.machine in self._sessions:
                self._sessions[change.machine].run_changed(change.run)
            elif isinstance(change, RunsChanged) and change.machine in self._sessions:
                self._sessions[change.machine].everything_changed()
        self._tell(changes)

    def _tell(self, changes: Sequence[Change]) -> None:
        self._observers = [observer for observer in self._observers if not observer.closed]
        for observer in self._observers:
            observer.put(changes)

    def _close(self) -> None:
        self._closed = True
        for observer in self._observers:
            observer.close()

    # --- reading -----------------------------------------------------------------------------

    def machines(self) -> tuple[MachineView, ...]:
        """All paired machines, by name."""
        return self._mirror.machines()

    def machine(self, machine: DeviceId) -> MachineView | None:
        return self._mirror.machine(machine)

    def history(self, machine: DeviceId, gpu: GpuUuid) -> tuple[GpuPoint, ...]:
        """The last 60 seconds of a GPU, oldest first."""
        return self._mirror.history(machine, gpu)

    def runs(self, machine: DeviceId | None = None) -> tuple[RunRecord, ...]:
        """The runs that are known: all that have not ended, and the newest of those that have.

        Newest first. `list_runs` asks a machine for older ones.
        """
        chosen = [view.machine for view in self.machines()] if machine is None else [machine]
        records = [RunRecord(one, view) for one in chosen for view in self._mirror.runs(one)]
        records.sort(key=lambda record: (record.view.submitted_at, record.view.run), reverse=True)
        return tuple(records)

    def run_view(self, machine: DeviceId, run: RunId) -> RunView | None:
        return self._mirror.run(machine, run)

    def run_at(self, machine: DeviceId, run: RunId) -> Run:
        """The handle of a run whose machine is known; nothing is asked. Raises `NotFoundError`."""
        session = self._session(machine)
        return Run(machine, run, session, self._mirror, self._take, new_id)

    def sightings(self, unpaired_only: bool = True) -> tuple[Sighting, ...]:
        """Machines that are seen now; only those that may still be paired, unless told not to."""
        return tuple(
            sighting
            for sighting in merge(self._seen)
            if not (unpaired_only and sighting.machine in self._known)
        )

    def changes(self) -> Changes:
        """A new observer; it begins with everything that there is to read."""
        initial: list[Change] = [SightingsChanged()]
        for view in self.machines():
            initial += [MachineChanged(view.machine), RunsChanged(view.machine)]
        observer = Changes(initial)
        self._observers.append(observer)
        return observer

    def reconnect(self, machine: DeviceId | None = None) -> None:
        """Tries one machine, or all, at once instead of after the pause."""
        for session in self._sessions.values() if machine is None else [self._session(machine)]:
            session.wake()

    def choose(
        self,
        request: GpuRequest,
        machine: MachineNames = None,
        beside: RunRef | Iterable[RunRef] = (),
        host: HostRequest | None = None,
    ) -> Choice:
        """The machine that a run would go to, and why: one that is named, that of the runs `beside`
        that it waits for, or of those that are named, else of all, the one that can start it
        soonest. Raises `NOT_FOUND`, `UNREACHABLE`, `IMPOSSIBLE_REQUEST` with the reason of each,
        and `INVALID_REQUEST` when it waits for runs elsewhere."""
        self._require_open()
        machines = self.machines()
        named = find_machines(machines, machine)
        homes = self._homes_of(refs_of(beside))
        return choose_for(machines, named, homes, request, host or HostRequest())

    def _homes_of(self, runs: Sequence[RunRef]) -> list[MachineView]:
        """The machines of those runs whose machine is known, each once."""
        wanted = {ref for ref in runs if isinstance(ref, str)}
        machines = {ref.machine for ref in runs if not isinstance(ref, str)}
        return [
            view
            for view in self.machines()
            if view.machine in machines
            or any(self._mirror.run(view.machine, RunId(ref)) for ref in wanted)
        ]

    # --- asking ------------------------------------------------------------------------------

    async def settled(self, timeout_s: float = 5.0) -> None:
        """Waits until every machine has answered or failed once, or the time is over."""
        try:
            async with asyncio.timeout(timeout_s):
                for session in list(self._sessions.values()):
                    await session.settled.wait()
        except TimeoutError:
            pass  # Those that are silent are shown as connecting: that is the answer.

    async def run(self, text: str, *, sole: bool = False) -> Run:
        """A run by its id, the beginning or end of it, or its name, where only one is meant: of
        several with one name the one that has not ended, or the newest where all have; with `sole`
        such a name is refused.

        Raises `NotFoundError`, `ConflictError`; `UNREACHABLE` when it may be on a machine that
        can't be asked.
        """
        self._require_open()
        known = self.runs()
        record = await find_run(text, known, self.machines(), self._sessions, sole=sole)
        self._take(RunSeen(record.machine, record.view))
        return self.run_at(record.machine, record.view.run)

    async def pair(self, sighting: Sighting) -> MachineView:
        """Pairs with an agent of this machine that was seen. Raises `INVALID_REQUEST` for one that
        is elsewhere, and what `pair_socket` raises."""
        if sighting.socket is None:
            raise error(
                ErrorCode.INVALID_REQUEST,
                f"{sighting.name} is not on this machine.",
                "Only agents of this machine can be paired through their socket.",
                "Pair it on its own machine.",
                machine=sighting.name,
            )
        return await self.pair_socket(Path(sighting.socket))

    async def pair_socket(self, socket: Path) -> MachineView:
        """Pairs with the agent behind a Unix socket, and connects to it.

        Raises `UNREACHABLE`, `NOT_ALLOWED`, `WRONG_IDENTITY`.
        """
        self._require_open()
        paired = await pair_through_socket(
            socket, self._identity, self._hello, _own_name(), time.time
        )
        await asyncio.to_thread(self._book.put, paired)
        self._known_as(paired)
        self._sessions[paired.machine].wake()
        view = self._mirror.machine(paired.machine)
        if view is None:
            raise _not_paired(paired.machine)
        return view

    async def forget(self, machine: DeviceId) -> None:
        """Drops the pairing on this side. Raises `NotFoundError`."""
        self._session(machine)
        await asyncio.to_thread(self._book.remove, machine)
        self._end_session(machine)

    async def submit(
        self,
        *,
        command: Sequence[str],
        project: Path | str | None = None,
        gpus: GpuCount = 0,
        vram: int | str = 0,
        exclusive: bool = False,
        name: str = "",
        machine: MachineNames = None,
        variables: Mapping[str, str] | None = None,
        environment: EnvironmentChoice = "auto",
        progress: Callable[[Progress], None] | None = None,
        run: RunId | None = None,
        **options: Unpack[RunOptions],
    ) -> Run:
        """Submits a run, exactly once, and returns when its machine has committed it.

        `project` is snapshotted and pushed. `environment` is auto (what the project describes),
        none (the machine's own Python), or the name or id of one on the machine. `gpus` is a
        number or '1..4', `vram` per GPU, in bytes or as text ('2GB'). `machine` is a name or an id,
        or several of which it may be any; when it is None, the machine of the runs that it waits
        for, else `choose` decides.
        `options` are those of `lanherd_client.orders.RunOptions`: time limit, retries, what it
        waits for, priority, tags, secrets and more. With the same `run` (see `new_run_id`) and the
        same content it is the same run, however often it is submitted. Raises `LanherdError`.
        """
        wanted = order(
            command,
            gpus=gpus,
            vram=vram,
            exclusive=exclusive,
            name=name,
            variables=variables,
            run=run,
            **options,
        )
        spec = wanted.spec
        chosen = self.choose(spec.gpus, machine, wanted.beside, spec.host).machine.machine
        before = self._session(chosen).connections
        (taken,) = await self._submit(chosen, [wanted], project, environment, progress)
        if run is not None or self._session(chosen).connections != before:
            await taken._told_anew()
        return taken

    async def submit_many(
        self,
        orders: Iterable[Order],
        *,
        project: Path | str | None = None,
        machine: MachineNames = None,
        environment: EnvironmentChoice = "auto",
        progress: Callable[[Progress], None] | None = None,
    ) -> tuple[Run, ...]:
        """Submits many runs of one project to one machine, each exactly once, in their order.

        Each is made by `lanherd_client.orders.order`, and may wait for others before it in the
        list by their `id`. All of them are taken, or none; the same orders may be submitted again,
        and what was taken stays as it is. Raises as `submit`, `TOO_LARGE` for more than 10,000 or
        32 MB of them, and `VERSION_MISMATCH` where the agent is too old for a large submit.
        """
        wanted = tuple(orders)
        if not wanted:
            return ()
        ours = {one.id for one in wanted}
        beside = [ref for one in wanted for ref in one.beside if run_of(ref) not in ours]
        largest = max((one.spec for one in wanted), key=lambda spec: astuple(spec.gpus))
        chosen = self.choose(largest.gpus, machine, beside, largest.host).machine.machine
        return tuple(await self._submit(chosen, wanted, project, environment, progress))

    async def _submit(
        self,
        machine: DeviceId,
        orders: Sequence[Order],
        project: Path | str | None,
        environment: EnvironmentChoice,
        progress: Callable[[Progress], None] | None,
    ) -> list[Run]:
        folder = None if project is None else Path(project)
        session = self._session(machine)
        views = await submit_to(session, orders, folder, environment, progress, self.home)
        for view in views:
            self._take(RunSeen(machine, view))
        return [self.run_at(machine, view.run) for view in views]

    def new_run_id(self) -> RunId:
        """A fresh id, for those who must know it before the run is submitted."""
        return RunId(new_id())

    def _require_open(self) -> None:
        if self._closed:
            raise closed_error()

    def _session(self, machine: DeviceId) -> Session:
        self._require_open()
        session = self._sessions.get(machine)
        if session is None:
            raise _not_paired(machine)
        return session

    def _session_of_name(self, machine: str) -> Session:
        self._require_open()
        return self._session(find_machine(self.machines(), machine).machine)


def closed_error() -> LanherdError:
    """The failure for a fleet that is used after its `with` block."""
    return error(
        ErrorCode.INVALID_REQUEST,
        "The fleet is closed.",
        "It is connected only within its 'with' block, and that has ended.",
        "Ask within the block, or open a new one.",
    )


def _not_paired(machine: DeviceId) -> LanherdError:
    return error(
        ErrorCode.NOT_FOUND,
        "That machine isn't paired.",
        f"No paired machine has the id {machine}.",
        "See 'lanherd machines', or pair it with 'lanherd pair'.",
        machine=machine,
    )


@asynccontextmanager
async def _opened(
    cls: type[Fleet], home: Path | None, sources: Sequence[Source]
) -> AsyncIterator[Fleet]:
    if time.time() < 0:
        raise error(
            ErrorCode.INVALID_REQUEST,
            "The clock of this machine stands before 1970.",
            "The ids of runs begin with the time, and it can't be less than nothing.",
            "Set the clock, then try again.",
        )
    folder = controller_home(home)
    ensure_home(folder)
    identity = await asyncio.to_thread(load_or_create_identity, folder / "identity")
    async with TaskOwner("fleet") as tasks:
        fleet = cls(folder, identity, sources, tasks)
        try:
            await fleet._start()
            yield fleet
        finally:
            fleet._close()


def _own_name() -> str:
    return socket.gethostname()
