"""The environments of one machine: what there is, building ahead, logs, locks and upkeep."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeVar, Unpack

from msgspec import Struct

from lanherd_client import environment_choosing as choosing
from lanherd_client.environment_choosing import OnLog
from lanherd_client.environment_orders import AUTO, EnvironmentOptions, environment_order
from lanherd_client.lines import SessionLine
from lanherd_client.new_ids import new_id
from lanherd_client.projects.project import Project
from lanherd_client.projects.push import push_through
from lanherd_client.projects.push_progress import PushProgress
from lanherd_client.session import LOST_CODES, Session
from lanherd_protocol.environment_messages import (
    BuildEnvironment,
    CollectEnvironments,
    EnvironmentBuilt,
    EnvironmentDetails,
    EnvironmentRemoved,
    EnvironmentRepaired,
    EnvironmentsCollected,
    EnvironmentsShown,
    FreezeEnvironment,
    ReadBuildLog,
    RegisterEnvironment,
    RemoveEnvironment,
    RepairEnvironment,
    ShowEnvironments,
)
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import CommandId, SnapshotId
from lanherd_protocol.methods import (
    ENVIRONMENTS_COLLECT,
    ENVIRONMENTS_FREEZE,
    ENVIRONMENTS_LOG,
    ENVIRONMENTS_REGISTER,
    ENVIRONMENTS_REMOVE,
    ENVIRONMENTS_REPAIR,
    ENVIRONMENTS_SHOW,
    Method,
)
from lanherd_protocol.values import NoEnvironment, RegisteredEnvironment

LOCK_BYTES_MAX = 64 * 1024 * 1024
"""Of a lock that comes from a machine; it is held in memory."""
ASK_S = 60.0
"""Sizes of many files are measured there."""
Request = TypeVar("Request", bound=Struct)
Response = TypeVar("Response", bound=Struct)


class EnvironmentCalls:
    """The verbs of a fleet about environments. Where one is meant, it is named by its id, the
    beginning of that, or the name under which it is registered on that machine. Removing, repairing
    and registering take an operator (`NOT_ALLOWED`)."""

    home: Path
    _session_of: Callable[[str], Session]

    async def show_environments(self, machine: str) -> EnvironmentsShown:
        """All environments of a machine, without their packages: also those that are being built,
        that failed, and the registered ones."""
        return await _ask(self._session_of(machine), ENVIRONMENTS_SHOW, ShowEnvironments())

    async def inspect_environment(self, machine: str, environment: str) -> EnvironmentDetails:
        """One of them, with its packages. Raises `NotFoundError`; `ConflictError` where several ids
        begin so."""
        return await choosing.inspect(self._session_of(machine), environment)

    async def build_environment(
        self,
        machine: str,
        *,
        project: Path | str | None = None,
        environment: str = AUTO,
        retry: bool = False,
        renew: bool = False,
        on_log: OnLog | None = None,
        progress: Callable[[PushProgress], None] | None = None,
        **options: Unpack[EnvironmentOptions],
    ) -> EnvironmentBuilt:
        """Has the environment built now that a run of this project would get, with the same words
        as for a run; returns when it is there.

        What failed before is only tried again with `retry`; with `renew` the packages that are
        named without a version get today's, and later runs get them too. `on_log` hears the build's
        log as it grows. Cancelled, the build ends, unless others wait for it. Raises `MisuseError`,
        and what stood in the way of the build.
        """
        session = self._session_of(machine)
        wanted = environment_order({**options, "environment": environment})
        opened = None if project is None else await asyncio.to_thread(Project.open, Path(project))
        planned = choosing.plan(wanted, None if opened is None else opened.described)
        if isinstance(planned, NoEnvironment):
            raise _nothing_to_build(project)
        snapshot = None if opened is None else await self._pushed(session, opened, progress)
        spec = await choosing.settle(session, planned, snapshot, on_log)
        if isinstance(spec, RegisteredEnvironment):
            raise _nothing_to_build_of(spec.name)
        request = BuildEnvironment(spec=spec, snapshot=snapshot, retry=retry, renew=renew)
        return await choosing.build(session, request, on_log)

    async def _pushed(
        self, session: Session, project: Project, progress: Callable[[PushProgress], None] | None
    ) -> SnapshotId:
        def tell(told: PushProgress) -> None:
            if progress is not None:
                progress(told)

        line = SessionLine(session)
        pushed = await push_through(
            line, project.folder, tell, home=self.home, project=project.name
        )
        return pushed.snapshot

    async def environment_log(
        self, machine: str, environment: str, *, offset: int = 0, follow: bool = False
    ) -> AsyncIterator[bytes]:
        """The log of its build, from byte `offset` on; with `follow` until the build is over.

        A lost connection makes the reading slower, never different. Raises `NotFoundError`.
        """
        session = self._session_of(machine)
        lost = None
        while True:
            peer = await session.reconnected(lost)
            request = ReadBuildLog(environment=environment, offset=offset, follow=follow)
            try:
                async with peer.download(ENVIRONMENTS_LOG, request) as download:
                    async for data in download:
                        offset += len(data)
                        yield data
                return
            except LanherdError as problem:
                _check_age(session, problem)
                if problem.code not in LOST_CODES:
                    raise
                lost = peer

    async def freeze_environment(self, machine: str, environment: str) -> bytes:
        """Its lock: a requirements file with hashes, from which the same is built anywhere."""
        session = self._session_of(machine)
        peer = await session.connected()
        lock = bytearray()
        request = FreezeEnvironment(environment=environment)
        try:
            async with peer.download(ENVIRONMENTS_FREEZE, request) as download:
                async for data in download:
                    lock += data
                    if len(lock) > LOCK_BYTES_MAX:
                        raise _endless(session.name)
        except LanherdError as problem:
            _check_age(session, problem)
            raise
        return bytes(lock)

    async def register_environment(self, machine: str, name: str, path: str) -> EnvironmentDetails:
        """Gives an interpreter, or a virtual environment, of the machine a name; it is never
        changed. `path` is a whole path there. Raises `MisuseError`, `ConflictError`."""
        request = RegisterEnvironment(command=CommandId(new_id()), name=name, path=path)
        return await _insist(self._session_of(machine), ENVIRONMENTS_REGISTER, request)

    async def remove_environment(self, machine: str, environment: str) -> EnvironmentRemoved:
        """Removes what was built, forgets a failed build, or forgets a registered name. Raises
        `ConflictError` while a run needs it."""
        request = RemoveEnvironment(command=CommandId(new_id()), environment=environment)
        return await _insist(self._session_of(machine), ENVIRONMENTS_REMOVE, request)

    async def collect_environments(
        self,
        machine: str,
        *,
        age_s: float | None = None,
        size_bytes: int | None = None,
        dry_run: bool = False,
    ) -> EnvironmentsCollected:
        """Removes what no run needs: unused for `age_s`, or the longest unused ones until all take
        no more than `size_bytes`. With `dry_run` it only says which."""
        request = CollectEnvironments(
            command=CommandId(new_id()), age_s=age_s, size_bytes=size_bytes, dry_run=dry_run
        )
        return await _insist(self._session_of(machine), ENVIRONMENTS_COLLECT, request)

    async def repair_environment(
        self, machine: str, environment: str, *, dry_run: bool = False
    ) -> EnvironmentRepaired:
        """Compares its files with what its packages say of them, and installs again what is
        damaged. With `dry_run` it only says what is."""
        request = RepairEnvironment(
            command=CommandId(new_id()), environment=environment, dry_run=dry_run
        )
        return await _insist(self._session_of(machine), ENVIRONMENTS_REPAIR, request)


async def _ask(session: Session, method: Method[Request, Response], request: Request) -> Response:
    try:
        return await session.ask(method, request, timeout_s=ASK_S)
    except LanherdError as problem:
        _check_age(session, problem)
        raise


async def _insist(
    session: Session, method: Method[Request, Response], request: Request
) -> Response:
    await session.connected()
    try:
        return await session.insist(method, request)
    except LanherdError as problem:
        _check_age(session, problem)
        raise


def _check_age(session: Session, problem: LanherdError) -> None:
    if problem.code is ErrorCode.UNKNOWN_METHOD:
        raise choosing.too_old(session.name) from problem


def _nothing_to_build(project: Any) -> LanherdError:
    why = (
        "No project and no packages are named."
        if project is None
        else "The project has no lock, no dependencies and no requirements."
    )
    return error(
        ErrorCode.INVALID_REQUEST,
        "There is nothing to build.",
        why,
        "Name a project that has some, or packages.",
        refusal="no_environment_named",
    )


def _nothing_to_build_of(name: str) -> LanherdError:
    return error(
        ErrorCode.INVALID_REQUEST,
        f"The environment {name} can't be built.",
        "It is registered: it is there already, and Lanherd never changes it.",
        "Build one from a project or from packages.",
        refusal="registered_not_built",
        name=name,
    )


def _endless(machine: str) -> LanherdError:
    return error(
        ErrorCode.PROTOCOL_ERROR,
        f"{machine} sends a lock without an end.",
        f"It has more than {LOCK_BYTES_MAX} bytes.",
        f"Upgrade Lanherd on {machine}.",
        refusal="endless_lock",
        machine=machine,
    )
