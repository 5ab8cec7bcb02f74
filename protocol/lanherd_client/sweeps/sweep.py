"""A sweep on the machines that have runs of it: one group, one progress, one end."""

import asyncio
import time
from collections.abc import Callable, Sequence

from lanherd_client.choosing import find_machine, require_online, require_some_online
from lanherd_client.listing import PAGES_MAX, runs_of
from lanherd_client.mirror import MachineView, Online, RunRecord
from lanherd_client.orders import Seconds
from lanherd_client.sweeps.comparing import newest_of_keys
from lanherd_client.sweeps.face import SweepFleet
from lanherd_client.sweeps.progress import SweepProgress, progress_of, waits
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.limits import RUN_LIST_PAGE_MAX
from lanherd_protocol.states import Ended, RunView

LISTED_MAX = PAGES_MAX * RUN_LIST_PAGE_MAX


class Sweep:
    """A handle on a sweep: the runs of one's own with its name, on `machines`.

    All verbs ask the machines, and raise why one of them can't be asked.
    """

    def __init__(
        self,
        fleet: SweepFleet,
        name: str,
        machines: Sequence[DeviceId],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.machines = tuple(machines)
        self._fleet = fleet
        self._clock = clock

    def __repr__(self) -> str:
        return f"<Sweep {self.name!r} on {len(self.machines)} machines>"

    async def records(self) -> tuple[RunRecord, ...]:
        """Its runs as they are now, oldest first; of one that was started again, the last."""
        records = [
            RunRecord(machine, view)
            for machine, views in await self._views()
            for view in newest_of_keys(views)
        ]
        return tuple(sorted(records, key=lambda record: record.view.submitted_at))

    async def progress(self) -> SweepProgress:
        """How far it is."""
        views = [record.view for record in await self.records()]
        return progress_of(self.name, views, self._clock())

    async def wait(self, told: Callable[[RunView], None] | None = None) -> tuple[RunView, ...]:
        """Waits until all its runs have ended; their ends, in order. `told` hears of each."""

        async def ended(record: RunRecord) -> RunView:
            view = record.view
            if not isinstance(view.state, Ended):
                view = await self._fleet.run_at(record.machine, view.run).wait()
            if told is not None:
                told(view)
            return view

        return tuple(await asyncio.gather(*map(ended, await self.records())))

    async def stop(
        self, grace_s: Seconds | None = None, *, signal: str | None = None
    ) -> tuple[RunView, ...]:
        """Ends what has not ended; those runs. First those that wait, so that none of them starts
        in the room that another leaves."""

        async def stop(record: RunRecord) -> RunView:
            run = self._fleet.run_at(record.machine, record.view.run)
            return await run.stop(grace_s, signal=signal)

        # Also what was started again since: it may go on beside its successor.
        going = [
            RunRecord(machine, view)
            for machine, views in await self._views()
            for view in views
            if not isinstance(view.state, Ended)
        ]
        stopped = await asyncio.gather(*(stop(r) for r in going if waits(r.view)))
        stopped += await asyncio.gather(*(stop(r) for r in going if not waits(r.view)))
        return tuple(stopped)

    async def _views(self) -> list[tuple[DeviceId, tuple[RunView, ...]]]:
        """Its runs on each machine, newest first."""
        machines = [m for m in self._fleet.machines() if m.machine in self.machines]
        views = await asyncio.gather(*(group_views(self._fleet, m, self.name) for m in machines))
        return [(machine.machine, found) for machine, found in zip(machines, views, strict=True)]


async def group_views(
    fleet: SweepFleet, machine: MachineView, name: str | None
) -> tuple[RunView, ...]:
    """One's own runs of a sweep on a machine, or of all sweeps. Raises `OVERLOADED` where the
    machine remembers more runs than are looked through."""
    user = machine.link.user if isinstance(machine.link, Online) else ""
    views, more = await runs_of(
        fleet,
        machine.machine,
        limit=LISTED_MAX,
        group=name,
        grouped=True,
        owner=user or None,
    )
    if more:
        raise error(
            ErrorCode.OVERLOADED,
            f"{machine.name} remembers more runs than can be looked through.",
            f"Its newest {LISTED_MAX} were.",
            "Let its retention forget old ones.",
            machine=machine.name,
        )
    return tuple(views)


async def find_sweep(fleet: SweepFleet, name: str, machine: str | None = None) -> Sweep:
    """The sweep of that name, on one machine or on all that are connected. Raises `NOT_FOUND`, and
    `UNREACHABLE` when it may be on a machine that can't be asked."""
    views = fleet.machines()
    asked = [require_online(find_machine(views, machine))] if machine else _online(views)
    found = await asyncio.gather(*(group_views(fleet, one, name) for one in asked))
    homes = [one.machine for one, runs in zip(asked, found, strict=True) if runs]
    if not homes:
        raise _missing(name, [] if machine else [one for one in views if not one.online])
    return Sweep(fleet, name, homes)


async def list_sweeps(fleet: SweepFleet, machine: str | None = None) -> tuple[SweepProgress, ...]:
    """How far each of one's own sweeps is, newest first, on the machines that are connected.
    Raises `UNREACHABLE` when none is."""
    views = fleet.machines()
    asked = [require_online(find_machine(views, machine))] if machine else []
    asked = asked or [*require_some_online(views)]
    runs: dict[str, list[RunView]] = {}
    for found in await asyncio.gather(*(group_views(fleet, one, None) for one in asked)):
        by_name: dict[str, list[RunView]] = {}
        for view in found:
            if view.spec.group is not None:
                by_name.setdefault(view.spec.group.name, []).append(view)
        for name, views_of in by_name.items():
            runs.setdefault(name, []).extend(newest_of_keys(views_of))
    now = time.time()
    progress = [progress_of(name, every, now) for name, every in runs.items()]
    return tuple(sorted(progress, key=lambda one: (-one.submitted_at, one.name)))


def _online(machines: Sequence[MachineView]) -> list[MachineView]:
    return [machine for machine in machines if machine.online]


def _missing(name: str, absent: Sequence[MachineView]) -> LanherdError:
    if absent:
        return error(
            ErrorCode.UNREACHABLE,
            f"No connected machine has a sweep {name!r} of yours.",
            f"It may be on one that can't be asked now: {', '.join(m.name for m in absent)}.",
            "See 'lanherd machines' for why, and try again.",
            sweep=name,
        )
    return error(
        ErrorCode.NOT_FOUND,
        f"There is no sweep {name!r} of yours.",
        "No run bears its name.",
        "See 'lanherd sweep list'.",
        sweep=name,
    )
