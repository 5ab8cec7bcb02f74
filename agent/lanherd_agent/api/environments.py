"""Environments: what there is, building ahead of a run, build logs, and their upkeep."""

import asyncio
import hashlib
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from lanherd_agent.api.access import audit
from lanherd_agent.api.attempts import check_range
from lanherd_agent.api.dispatcher import Routes
from lanherd_agent.api.fitting import encoded_size, first_that_fit
from lanherd_agent.api.once import Once
from lanherd_agent.core.environment_checks import check_environment
from lanherd_agent.disk import in_thread
from lanherd_agent.envs.environments import Environments
from lanherd_agent.envs.inventory import Inventory, Needed
from lanherd_agent.envs.problems import no_build_log, nothing_to_build
from lanherd_agent.envs.progress import BuildProgress
from lanherd_agent.envs.registry import Registered
from lanherd_agent.envs.requirements import without_credentials
from lanherd_agent.envs.upkeep import Upkeep
from lanherd_agent.execution.failures import no_snapshot
from lanherd_agent.home import AgentHome
from lanherd_agent.runs import logs
from lanherd_agent.runs.rundir import AttemptDir, RunDirError, read_spec
from lanherd_agent.shell.shell import Shell
from lanherd_protocol.aio.server import IncomingCall
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.environment_messages import (
    BuildEnvironment,
    BuildLogEnd,
    CollectEnvironments,
    EnvironmentBuilt,
    EnvironmentDetails,
    EnvironmentFrozen,
    EnvironmentRemoved,
    EnvironmentRepaired,
    EnvironmentsCollected,
    EnvironmentsShown,
    FreezeEnvironment,
    InspectEnvironment,
    ReadBuildLog,
    RegisterEnvironment,
    RemoveEnvironment,
    RepairEnvironment,
    ShowEnvironments,
)
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.ids import BlobHash, RunId, SnapshotId, is_sha256
from lanherd_protocol.messages import Empty, EnvironmentList
from lanherd_protocol.methods import (
    ENVIRONMENTS_BUILD,
    ENVIRONMENTS_COLLECT,
    ENVIRONMENTS_FREEZE,
    ENVIRONMENTS_INSPECT,
    ENVIRONMENTS_LIST,
    ENVIRONMENTS_LOG,
    ENVIRONMENTS_REGISTER,
    ENVIRONMENTS_REMOVE,
    ENVIRONMENTS_REPAIR,
    ENVIRONMENTS_SHOW,
)
from lanherd_protocol.states import Ended, RunView, is_live
from lanherd_protocol.values import EnvironmentSpec, NoEnvironment, RegisteredEnvironment

RUNS_MAX = 1_000_000
"""More than wait at any time: all of them are looked at."""
_NOW = asyncio.Event()
"""For those who don't wait: what is there now is all."""
_NOW.set()

HasSnapshot = Callable[[str, SnapshotId], bool]
"""Whether a user has proved to hold a snapshot."""
Ready = TypeVar("Ready")


class EnvironmentsApi:
    def __init__(
        self,
        shell: Shell,
        home: AgentHome,
        environments: Environments,
        has_snapshot: HasSnapshot,
    ) -> None:
        self._shell = shell
        self._home = home
        self._environments = environments
        self._has_snapshot = has_snapshot
        self._inventory = Inventory(environments)
        self._upkeep = Upkeep(environments, self._inventory)
        self._once = Once()

    def routes(self, routes: Routes) -> None:
        routes.call(ENVIRONMENTS_LIST, self._on_list)
        routes.call(ENVIRONMENTS_SHOW, self._on_show)
        routes.call(ENVIRONMENTS_INSPECT, self._on_inspect)
        routes.call(ENVIRONMENTS_BUILD, self._on_build)
        routes.call(ENVIRONMENTS_LOG, self._on_log)
        routes.call(ENVIRONMENTS_FREEZE, self._on_freeze)
        routes.call(ENVIRONMENTS_REGISTER, self._on_register)
        routes.call(ENVIRONMENTS_REMOVE, self._on_remove)
        routes.call(ENVIRONMENTS_COLLECT, self._on_collect)
        routes.call(ENVIRONMENTS_REPAIR, self._on_repair)

    def open(self, tasks: TaskOwner) -> None:
        """Finish, in the background, what was being removed when the last agent ended."""
        tasks.spawn(self._upkeep.empty_trash(), "trash of environments")

    async def _on_list(self, call: IncomingCall, request: Empty) -> EnvironmentList:
        return EnvironmentList(environments=await self._environments.builder.list())

    async def _on_show(self, call: IncomingCall, request: ShowEnvironments) -> EnvironmentsShown:
        found = await self._inventory.show(await self._needed())
        return EnvironmentsShown(
            environments=first_that_fit(found[: max(request.limit, 1)], encoded_size),
            cache_bytes=await self._inventory.cache_bytes(),
        )

    async def _on_inspect(
        self, call: IncomingCall, request: InspectEnvironment
    ) -> EnvironmentDetails:
        return await self._inventory.inspect(request.environment, await self._needed())

    async def _on_build(self, call: IncomingCall, request: BuildEnvironment) -> EnvironmentBuilt:
        spec, snapshot = request.spec, request.snapshot
        check_environment(spec, snapshot is not None)
        if snapshot is not None and not self._has_snapshot(call.caller.user, snapshot):
            raise no_snapshot(snapshot)
        sending = _Sending(call, self._environments)
        ready = await sending.during(
            self._environments.provide(
                spec, snapshot, sending.tell, retry=request.retry, renew=request.renew
            )
        )
        if ready is None:
            raise nothing_to_build()
        asked = spec.name if isinstance(spec, RegisteredEnvironment) else ready.environment
        details = await self._inventory.inspect(asked, await self._needed())
        return EnvironmentBuilt(environment=details, built=sending.built)

    async def _on_log(self, call: IncomingCall, request: ReadBuildLog) -> BuildLogEnd:
        check_range(request.offset, None)
        one = await self._inventory.find(request.environment)
        if isinstance(one, Registered):
            raise no_build_log(one.name)
        path = self._environments.log_path(one)
        offset = request.offset
        while True:
            going = self._environments.is_being_built(one)
            async for chunk in logs.follow(path, offset, _NOW):
                if isinstance(chunk, logs.LogChunk):
                    await call.send(chunk.data)
                    offset += len(chunk.data)
            if not (going and request.follow):
                break
            await asyncio.sleep(logs.POLL_S_MAX)
        return BuildLogEnd(size_bytes=offset, state=await self._inventory.state_of(one))

    async def _on_freeze(self, call: IncomingCall, request: FreezeEnvironment) -> EnvironmentFrozen:
        one = await self._inventory.find(request.environment)
        if isinstance(one, Registered):
            lock = await self._environments.frozen_registered(one)
        else:
            lock = await self._environments.frozen(one)
        told = without_credentials(lock.decode("utf-8", "replace")).encode()
        await call.send(told)
        return EnvironmentFrozen(lock_hash=BlobHash(hashlib.sha256(told).hexdigest()))

    async def _on_register(
        self, call: IncomingCall, request: RegisterEnvironment
    ) -> EnvironmentDetails:
        await self._environments.registry.register(request.name, request.path)
        await self._shell.record(audit(call, f"{request.name} {request.path}"))
        return await self._inventory.inspect(request.name, await self._needed())

    async def _on_remove(
        self, call: IncomingCall, request: RemoveEnvironment
    ) -> EnvironmentRemoved:
        async def remove() -> EnvironmentRemoved:
            freed = await self._upkeep.remove(request.environment, self._needed)
            await self._shell.record(audit(call, request.environment))
            return EnvironmentRemoved(bytes_freed=freed)

        return await self._once.do(request, EnvironmentRemoved, remove)

    async def _on_collect(
        self, call: IncomingCall, request: CollectEnvironments
    ) -> EnvironmentsCollected:
        async def collect() -> EnvironmentsCollected:
            removed, freed = await self._upkeep.collect(
                self._needed,
                time.time(),
                age_s=request.age_s,
                size_bytes=request.size_bytes,
                dry_run=request.dry_run,
            )
            await self._shell.record(audit(call, f"{len(removed)} environments"))
            return EnvironmentsCollected(environments=removed, bytes_freed=freed)

        return await self._once.do(request, EnvironmentsCollected, collect)

    async def _on_repair(
        self, call: IncomingCall, request: RepairEnvironment
    ) -> EnvironmentRepaired:
        async def repair() -> EnvironmentRepaired:
            repaired = await self._upkeep.repair(request.environment, dry_run=request.dry_run)
            await self._shell.record(audit(call, request.environment))
            shown = first_that_fit(repaired.damaged, lambda path: len(path.encode()) + 8)
            return replace(repaired, damaged=shown if repaired.damaged else ())

        return await self._once.do(request, EnvironmentRepaired, repair)

    async def _needed(self) -> Needed:
        """By environment, the runs that wait or are live."""
        runs = [
            view
            for view in self._shell.snapshot(0, RUNS_MAX).runs
            if not isinstance(view.state, Ended)
            and not isinstance(view.spec.environment, NoEnvironment)
        ]
        needed: defaultdict[str, list[RunId]] = defaultdict(list)
        waiting: dict[tuple[EnvironmentSpec, SnapshotId | None], str] = {}
        for view in runs:
            environment = await self._started_with(view) if is_live(view.state) else ""
            if not environment:
                asked = view.spec.environment, view.spec.snapshot
                if asked not in waiting:
                    waiting[asked] = await self._asked_for(*asked)
                environment = waiting[asked]
            needed[environment].append(view.run)
        return {environment: tuple(found) for environment, found in needed.items()}

    async def _started_with(self, view: RunView) -> str:
        """The environment that a live run was started in; empty where that isn't known yet."""
        if isinstance(view.spec.environment, RegisteredEnvironment):
            return ""
        directory = AttemptDir.of(self._home.root, view.run, view.attempt)
        try:
            spec = await in_thread(lambda: read_spec(directory))
        except RunDirError:
            return ""
        place = Path(spec.env.get("VIRTUAL_ENV", "")) if spec is not None else Path()
        return place.parent.name if is_sha256(place.parent.name) else ""

    async def _asked_for(self, spec: EnvironmentSpec, snapshot: SnapshotId | None) -> str:
        try:
            return await self._environments.identify(spec, snapshot)
        except LanherdError:
            # It can't be had, and its run will be told so; none that is there can be meant.
            return ""


class _Sending:
    """Sends the logs of what is being made for a call, one after the other, as they grow."""

    def __init__(self, call: IncomingCall, environments: Environments) -> None:
        self._call = call
        self._environments = environments
        self._logs: list[tuple[str, asyncio.Event]] = []
        self._more = asyncio.Event()
        self._over = False
        self.built = False

    def tell(self, progress: BuildProgress) -> None:
        if progress.phase == "done":
            self.built = True
        # While it waits for its turn, its log is still that of the time before.
        elif progress.phase != "waiting" and progress.environment not in self._known():
            self._end_last()
            self._logs.append((progress.environment, asyncio.Event()))
            self._more.set()

    async def during(self, work: Awaitable[Ready]) -> Ready:
        """What `work` answers or raises, after its whole log was sent."""
        done: list[Ready] = []
        failed: list[LanherdError] = []

        async def working() -> None:
            try:
                done.append(await work)
            except LanherdError as problem:
                failed.append(problem)
            finally:
                self._over = True
                self._end_last()
                self._more.set()

        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(working())
                await self._send_all()
        except* LanherdError as lost:
            raise lost.exceptions[0] from None
        if failed:
            raise failed[0]
        return done[0]

    async def _send_all(self) -> None:
        number = 0
        while True:
            while number < len(self._logs):
                name, ended = self._logs[number]
                async for chunk in logs.follow(self._environments.log_path(name), 0, ended):
                    if isinstance(chunk, logs.LogChunk):
                        await self._call.send(chunk.data)
                number += 1
            if self._over:
                return
            self._more.clear()
            await self._more.wait()

    def _known(self) -> set[str]:
        return {name for name, _ in self._logs}

    def _end_last(self) -> None:
        if self._logs:
            self._logs[-1][1].set()
