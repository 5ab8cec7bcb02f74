"""What is asked of one machine as a whole: its runs page by page, its agent, retention, rules."""

from collections.abc import Callable
from typing import Unpack

from msgspec.structs import replace

from lanherd_client.control_calls import ControlCalls
from lanherd_client.environment_calls import EnvironmentCalls
from lanherd_client.listing import RunFilters, checked_filters
from lanherd_client.mirror import Input, ProblemsSeen
from lanherd_client.new_ids import new_id
from lanherd_client.session import Session
from lanherd_client.snapshot_calls import SnapshotCalls
from lanherd_protocol.history_messages import History, ReadHistory
from lanherd_protocol.ids import CommandId, GpuUuid, RunId
from lanherd_protocol.messages import AgentStatus, Empty, ListRuns, RunList
from lanherd_protocol.methods import (
    AGENT_STATUS,
    ENVIRONMENTS_LIST,
    HISTORY_READ,
    RETENTION_APPLY,
    RETENTION_GET,
    RETENTION_PLAN,
    RETENTION_PUT,
    RULES_CHECK,
    RULES_GET,
    RULES_PUT,
    RUNS_LIST,
)
from lanherd_protocol.retention_messages import (
    ApplyRetention,
    PlanRetention,
    PutRetention,
    RetentionPlan,
    RetentionState,
)
from lanherd_protocol.rules_messages import CheckRules, PutRules, RulesChecked, RulesState
from lanherd_protocol.run_filters import filter_of
from lanherd_protocol.values import EnvironmentView, RetentionRules


class MachineCalls(ControlCalls, SnapshotCalls, EnvironmentCalls):
    """Questions to a machine, and its retention. All raise why it can't be asked.

    A machine is named by its id or its name, or the beginning of either; `session_of` finds its
    session, and raises for one that isn't paired.
    """

    def __init__(self, session_of: Callable[[str], Session], take: Callable[[Input], None]) -> None:
        self._session_of = session_of
        self._on_answer = take

    async def list_runs(
        self,
        machine: str,
        *,
        limit: int = 100,
        before: RunId | None = None,
        **filters: Unpack[RunFilters],
    ) -> RunList:
        """A page of a machine's runs, newest first, from behind the run `before`: of those that the
        filters let through (see `RunFilters`), or of all. A page may hold fewer than `limit`, even
        none, while there is `more`: its `next` is the `before` of the page after it."""
        request = ListRuns(limit=limit, before=before, **checked_filters(filters))
        page = await self._session_of(machine).ask(RUNS_LIST, request)
        after = page.next or (page.runs[-1].run if page.more and page.runs else None)
        lets = filter_of(request)
        # Once more here: an agent that is older than a filter lists all.
        runs = page.runs if lets is None else tuple(filter(lets, page.runs))
        return replace(page, runs=runs, next=after)

    async def status(self, machine: str) -> AgentStatus:
        """The agent's own account of itself."""
        session = self._session_of(machine)
        answer = await session.ask(AGENT_STATUS, Empty())
        self._on_answer(ProblemsSeen(session.machine, answer.problems))
        return answer

    async def past(
        self,
        machine: str,
        gpu: GpuUuid | None = None,
        *,
        since: float,
        until: float | None = None,
        points_max: int = 600,
    ) -> History:
        """What was read of a GPU, or of the host, since then (Unix seconds): means and peaks."""
        request = ReadHistory(gpu=gpu, since=since, until=until, points_max=points_max)
        return await self._session_of(machine).ask(HISTORY_READ, request)

    async def environments(self, machine: str) -> tuple[EnvironmentView, ...]:
        """The environments that a machine has built."""
        answer = await self._session_of(machine).ask(ENVIRONMENTS_LIST, Empty())
        return answer.environments

    async def retention(self, machine: str) -> RetentionState:
        """What a machine keeps of ended runs, and what they hold on its disk now."""
        return await self._session_of(machine).ask(RETENTION_GET, Empty())

    async def set_retention(self, machine: str, rules: RetentionRules) -> RetentionState:
        """Replaces all rules of a machine; it keeps to them from now on."""
        request = PutRetention(command=CommandId(new_id()), rules=rules)
        return await self._session_of(machine).insist(RETENTION_PUT, request)

    async def plan_retention(
        self, machine: str, rules: RetentionRules | None = None
    ) -> RetentionPlan:
        """What would be removed now by the machine's rules, or by these. Nothing is removed."""
        return await self._session_of(machine).ask(RETENTION_PLAN, PlanRetention(rules=rules))

    async def apply_retention(self, machine: str) -> RetentionPlan:
        """Removes what the machine's rules don't keep, at once; what is removed."""
        request = ApplyRetention(command=CommandId(new_id()))
        return await self._session_of(machine).insist(RETENTION_APPLY, request)

    async def rules(self, machine: str) -> RulesState:
        """The rules file of a machine's owner, what holds, and what is wrong with the file."""
        return await self._session_of(machine).ask(RULES_GET, Empty())

    async def put_rules(
        self, machine: str, text: str, expected_hash: str | None = None
    ) -> RulesState:
        """Replaces the rules file, which takes an operator. With the `text_hash` of the state that
        was edited, changes by others in between are a `ConflictError`; wrong rules are a
        `MisuseError`, and nothing is changed."""
        request = PutRules(text=text, expected_hash=expected_hash)
        return await self._session_of(machine).insist(RULES_PUT, request)

    async def check_rules(self, machine: str, text: str) -> RulesChecked:
        """What a machine would say of a rules file; nothing is changed."""
        return await self._session_of(machine).ask(RULES_CHECK, CheckRules(text=text))
