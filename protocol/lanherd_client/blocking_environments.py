"""The environments of a machine, without `async`, for `lanherd_client.blocking`.

See `lanherd_client.environment_calls.EnvironmentCalls` for each verb. What hears of a log or of
progress is called in the thread of the event loop.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from lanherd_client.environment_orders import AUTO, EnvironmentOptions
from lanherd_client.projects.push_progress import PushProgress
from lanherd_client.sweeps.waiting import Doing
from lanherd_protocol.environment_messages import (
    EnvironmentBuilt,
    EnvironmentDetails,
    EnvironmentRemoved,
    EnvironmentRepaired,
    EnvironmentsCollected,
    EnvironmentsShown,
)

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet


class WaitingEnvironmentCalls:
    """Of a fleet that waits for each answer."""

    _fleet: "Fleet"
    _loop: Doing

    def show_environments(self, machine: str) -> EnvironmentsShown:
        return self._loop.do(self._fleet.show_environments(machine))

    def inspect_environment(self, machine: str, environment: str) -> EnvironmentDetails:
        return self._loop.do(self._fleet.inspect_environment(machine, environment))

    def build_environment(
        self,
        machine: str,
        *,
        project: Path | str | None = None,
        environment: str = AUTO,
        retry: bool = False,
        renew: bool = False,
        on_log: Callable[[bytes], None] | None = None,
        progress: Callable[[PushProgress], None] | None = None,
        **options: Unpack[EnvironmentOptions],
    ) -> EnvironmentBuilt:
        return self._loop.do(
            self._fleet.build_environment(
                machine,
                project=project,
                environment=environment,
                retry=retry,
                renew=renew,
                on_log=on_log,
                progress=progress,
                **options,
            )
        )

    def environment_log(
        self, machine: str, environment: str, *, offset: int = 0, follow: bool = False
    ) -> Iterator[bytes]:
        return self._loop.stream(
            self._fleet.environment_log(machine, environment, offset=offset, follow=follow)
        )

    def freeze_environment(self, machine: str, environment: str) -> bytes:
        return self._loop.do(self._fleet.freeze_environment(machine, environment))

    def register_environment(self, machine: str, name: str, path: str) -> EnvironmentDetails:
        return self._loop.do(self._fleet.register_environment(machine, name, path))

    def remove_environment(self, machine: str, environment: str) -> EnvironmentRemoved:
        return self._loop.do(self._fleet.remove_environment(machine, environment))

    def collect_environments(
        self,
        machine: str,
        *,
        age_s: float | None = None,
        size_bytes: int | None = None,
        dry_run: bool = False,
    ) -> EnvironmentsCollected:
        return self._loop.do(
            self._fleet.collect_environments(
                machine, age_s=age_s, size_bytes=size_bytes, dry_run=dry_run
            )
        )

    def repair_environment(
        self, machine: str, environment: str, *, dry_run: bool = False
    ) -> EnvironmentRepaired:
        return self._loop.do(self._fleet.repair_environment(machine, environment, dry_run=dry_run))
