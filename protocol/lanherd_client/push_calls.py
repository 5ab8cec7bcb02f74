"""Bringing a project to machines without a run: what a fleet has of it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from lanherd_client.choosing import MachineNames, find_machines
from lanherd_client.lines import SessionLine
from lanherd_client.mirror import MachineView
from lanherd_client.projects.fanout import push_to_all, scan_in_thread
from lanherd_client.projects.preflight import Preflight
from lanherd_client.projects.project import Project
from lanherd_client.projects.project_book import ProjectBook
from lanherd_client.projects.push_look import find_missing
from lanherd_client.projects.push_progress import PushProgress, PushResult
from lanherd_client.projects.scan import Scan
from lanherd_client.projects.scan_cache import ScanCache
from lanherd_client.session import Session
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import DeviceId

RECONNECT_S = 60.0
"""How long a machine that was lost in the middle is waited for."""


@dataclass(frozen=True, slots=True)
class MachinePush:
    """How a push to one machine ended: `result`, or the `problem` for which it couldn't be done."""

    machine: DeviceId
    machine_name: str
    result: PushResult | None = None
    problem: LanherdError | None = None


@dataclass(frozen=True, slots=True)
class MachinePreflight:
    """What a machine lacks of a project, or the `problem` for which that isn't known. The bytes are
    those before compression."""

    machine: DeviceId
    machine_name: str
    blobs: int = 0
    size_bytes: int = 0
    problem: LanherdError | None = None


class PushFleet(Protocol):
    """A fleet, as far as this is concerned."""

    home: Path
    _session_of: Callable[[str], Session]

    def machines(self) -> tuple[MachineView, ...]: ...


class PushCalls:
    """The verb of a fleet about pushes."""

    async def push(
        self: PushFleet,
        folder: Path | str,
        machines: MachineNames = None,
        *,
        progress: Callable[[MachineView, PushProgress], None] | None = None,
        reconnect_s: float | None = RECONNECT_S,
    ) -> tuple[MachinePush, ...]:
        """Brings a project's present state to machines, all that are paired where none is named.

        The folder is read once, and what several machines lack is packed once. What stands in one
        machine's way is told in its `problem` and hinders no other. `progress` is called in this
        event loop. Raises `NOT_FOUND` for an unknown machine, and what is wrong with the folder.
        """
        chosen = find_machines(self.machines(), machines) or self.machines()
        if not chosen:
            raise error(
                ErrorCode.NOT_FOUND,
                "No machine is paired.",
                "A push needs a machine to go to.",
                "Pair one with 'lanherd pair'.",
                refusal="nothing_paired",
            )
        project = await asyncio.to_thread(open_project, Path(folder), self.home)

        def tell(number: int, told: PushProgress) -> None:
            if progress is not None:
                progress(chosen[number], told)

        pushed = await push_to_all(
            [SessionLine(self._session_of(view.machine), reconnect_s) for view in chosen],
            project.folder,
            tell,
            home=self.home,
            project=project.name,
        )
        return tuple(
            MachinePush(view.machine, view.name, problem=outcome)
            if isinstance(outcome, LanherdError)
            else MachinePush(view.machine, view.name, outcome)
            for view, outcome in zip(chosen, pushed.outcomes, strict=True)
        )

    async def preflight(
        self: PushFleet, folder: Path | str, machines: MachineNames = None
    ) -> tuple[Preflight, tuple[MachinePreflight, ...]]:
        """What a push would send, of which nothing is sent: of the project as a whole, and to each
        machine that is named. Raises as `push`."""
        chosen = find_machines(self.machines(), machines)
        project = await asyncio.to_thread(Project.open, Path(folder))
        cache = ScanCache.of(project.folder, self.home)
        scanned = await scan_in_thread(project.folder, cache)
        looks = [
            await _look(view, SessionLine(self._session_of(view.machine)), scanned)
            for view in chosen
        ]
        return await asyncio.to_thread(Preflight, scanned), tuple(looks)


def open_project(folder: Path, home: Path) -> Project:
    """The project in a folder, which is used now, and so is among those that are listed."""
    project = Project.open(folder)
    said = project.said
    ProjectBook.of(home).note(project.folder, project.name, "" if said is None else said.id)
    return project


async def _look(view: MachineView, line: SessionLine, scanned: Scan) -> MachinePreflight:
    try:
        missing = await find_missing(await line.caller(None), scanned)
    except LanherdError as problem:
        return MachinePreflight(view.machine, view.name, problem=problem)
    sources = await asyncio.to_thread(lambda: scanned.sources)
    size_bytes = sum(sources[blob].length for blob in missing)
    return MachinePreflight(view.machine, view.name, len(missing), size_bytes)
