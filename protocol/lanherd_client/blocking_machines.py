"""What is asked of one machine as a whole, without `async`, for `lanherd_client.blocking`.

See `lanherd_client.machine_calls.MachineCalls` for each verb.
"""

from typing import TYPE_CHECKING, Unpack

from lanherd_client.blocking_environments import WaitingEnvironmentCalls
from lanherd_client.blocking_snapshots import WaitingSnapshotCalls
from lanherd_client.listing import RunFilters
from lanherd_client.sweeps.waiting import Doing
from lanherd_protocol.history_messages import History
from lanherd_protocol.ids import GpuUuid, RunId
from lanherd_protocol.machine_messages import MachineControls, QueueListed
from lanherd_protocol.messages import AgentStatus, RunList
from lanherd_protocol.retention_messages import RetentionPlan, RetentionState
from lanherd_protocol.rules_messages import RulesChecked, RulesState
from lanherd_protocol.values import EnvironmentView, RetentionRules

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet


class WaitingMachineCalls(WaitingSnapshotCalls, WaitingEnvironmentCalls):
    """Of a fleet that waits for each answer."""

    _fleet: "Fleet"
    _loop: Doing

    def list_runs(
        self,
        machine: str,
        *,
        limit: int = 100,
        before: RunId | None = None,
        **filters: Unpack[RunFilters],
    ) -> RunList:
        return self._loop.do(self._fleet.list_runs(machine, limit=limit, before=before, **filters))

    def status(self, machine: str) -> AgentStatus:
        return self._loop.do(self._fleet.status(machine))

    def past(
        self,
        machine: str,
        gpu: GpuUuid | None = None,
        *,
        since: float,
        until: float | None = None,
        points_max: int = 600,
    ) -> History:
        return self._loop.do(
            self._fleet.past(machine, gpu, since=since, until=until, points_max=points_max)
        )

    def environments(self, machine: str) -> tuple[EnvironmentView, ...]:
        return self._loop.do(self._fleet.environments(machine))

    def retention(self, machine: str) -> RetentionState:
        return self._loop.do(self._fleet.retention(machine))

    def set_retention(self, machine: str, rules: RetentionRules) -> RetentionState:
        return self._loop.do(self._fleet.set_retention(machine, rules))

    def plan_retention(self, machine: str, rules: RetentionRules | None = None) -> RetentionPlan:
        return self._loop.do(self._fleet.plan_retention(machine, rules))

    def apply_retention(self, machine: str) -> RetentionPlan:
        return self._loop.do(self._fleet.apply_retention(machine))

    def rules(self, machine: str) -> RulesState:
        return self._loop.do(self._fleet.rules(machine))

    def put_rules(self, machine: str, text: str, expected_hash: str | None = None) -> RulesState:
        return self._loop.do(self._fleet.put_rules(machine, text, expected_hash))

    def check_rules(self, machine: str, text: str) -> RulesChecked:
        return self._loop.do(self._fleet.check_rules(machine, text))

    def controls(self, machine: str) -> MachineControls:
        return self._loop.do(self._fleet.controls(machine))

    def cordon(self, machine: str, gpu: int | str, why: str = "") -> MachineControls:
        return self._loop.do(self._fleet.cordon(machine, gpu, why))

    def uncordon(self, machine: str, gpu: int | str) -> MachineControls:
        return self._loop.do(self._fleet.uncordon(machine, gpu))

    def pause_queue(self, machine: str, tag: str = "", note: str = "") -> MachineControls:
        return self._loop.do(self._fleet.pause_queue(machine, tag, note))

    def resume_queue(self, machine: str, tag: str = "") -> MachineControls:
        return self._loop.do(self._fleet.resume_queue(machine, tag))

    def queue(self, machine: str, limit: int = 100) -> QueueListed:
        return self._loop.do(self._fleet.queue(machine, limit))
