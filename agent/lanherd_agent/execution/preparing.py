"""Preparing a run: its snapshot is looked for, and its environment built, before a GPU is taken."""

import asyncio

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.disk import in_thread
from lanherd_agent.envs.builder import BuiltEnvironment
from lanherd_agent.envs.environments import Environments
from lanherd_agent.envs.progress import BuildProgress, Tell, silent
from lanherd_agent.execution.failures import no_snapshot
from lanherd_agent.execution.telling import Telling
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol.ids import RunId
from lanherd_protocol.values import RunSpec


class Preparing:
    def __init__(
        self, telling: Telling, snapshots: SnapshotStore, environments: Environments
    ) -> None:
        self._telling = telling
        self._snapshots = snapshots
        self._environments = environments
        self._tasks: dict[tuple[RunId, int], asyncio.Task[None]] = {}

    def note_task(self, effect: f.PrepareRun, task: asyncio.Task[None]) -> None:
        """The task that prepares it, for whoever gives the preparation up."""
        self._tasks[effect.run, effect.attempt] = task

    async def prepare(self, effect: f.PrepareRun) -> None:
        run, attempt = effect.run, effect.attempt
        try:
            environment = await self._make_ready(effect)
        except Exception as problem:
            failure = self._telling.failure(problem, run)
            self._telling.post(e.PreparationFailed(run=run, attempt=attempt, failure=failure))
        else:
            built = environment.environment if environment is not None else None
            prepared = e.Prepared(environment=built)
            self._telling.post(e.PreparationFinished(run=run, attempt=attempt, prepared=prepared))
        finally:
            self._tasks.pop((run, attempt), None)

    async def cancel(self, effect: f.CancelPreparation) -> None:
        task = self._tasks.get((effect.run, effect.attempt))
        if task is not None:
            task.cancel()
            await asyncio.wait((task,))
        self._telling.post(e.PreparationCancelled(run=effect.run, attempt=effect.attempt))

    async def environment(
        self, spec: RunSpec, prepared: e.Prepared | None = None, tell: Tell = silent
    ) -> BuiltEnvironment | None:
        """The run's environment, that which was prepared, or else built if it isn't there; None if
        it has none."""
        builder = self._environments.builder
        found = None
        if prepared is not None and (ready := prepared.environment) is not None:
            found = await in_thread(lambda: builder.find(ready))
        if found is None:
            found = await self._environments.provide(spec.environment, spec.snapshot, tell)
        if found is not None:
            used = found.environment
            await in_thread(lambda: self._environments.note_used(used))
        return found

    async def _make_ready(self, effect: f.PrepareRun) -> BuiltEnvironment | None:
        spec = effect.spec
        if spec.snapshot is not None and not await self._snapshots.has(spec.snapshot):
            raise no_snapshot(spec.snapshot)

        def tell(progress: BuildProgress) -> None:
            self._telling.post(
                e.PreparationProgressed(
                    run=effect.run,
                    attempt=effect.attempt,
                    step="environment",
                    detail=self._telling.redact(progress.line or progress.phase),
                )
            )

        return await self.environment(spec, tell=tell)
