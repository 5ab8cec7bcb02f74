"""Retention: the machine's rules, what they would remove, and their application."""

from msgspec.structs import replace

from lanherd_agent.api.access import audit
from lanherd_agent.api.dispatcher import Routes
from lanherd_agent.api.fitting import encoded_size, first_that_fit
from lanherd_agent.retention import Retention
from lanherd_protocol.aio.server import IncomingCall
from lanherd_protocol.limits import REMOVALS_LISTED_MAX
from lanherd_protocol.messages import Empty
from lanherd_protocol.methods import (
    RETENTION_APPLY,
    RETENTION_GET,
    RETENTION_PLAN,
    RETENTION_PUT,
)
from lanherd_protocol.retention_messages import (
    ApplyRetention,
    PlanRetention,
    PutRetention,
    RetentionPlan,
    RetentionState,
)
from lanherd_protocol.values import Removal


class RetentionApi:
    def __init__(self, retention: Retention) -> None:
        self._retention = retention

    def routes(self, routes: Routes) -> None:
        routes.call(RETENTION_GET, self._on_get)
        routes.call(RETENTION_PUT, self._on_put)
        routes.call(RETENTION_PLAN, self._on_plan)
        routes.call(RETENTION_APPLY, self._on_apply)

    async def _on_get(self, call: IncomingCall, request: Empty) -> RetentionState:
        return await self._retention.state()

    async def _on_put(self, call: IncomingCall, request: PutRetention) -> RetentionState:
        await self._retention.put(request, audit(call, _told(request)))
        return await self._retention.state()

    async def _on_plan(self, call: IncomingCall, request: PlanRetention) -> RetentionPlan:
        return _listed(await self._retention.plan(request.rules))

    async def _on_apply(self, call: IncomingCall, request: ApplyRetention) -> RetentionPlan:
        return _listed(await self._retention.apply(request.command, audit(call, "all rules")))


def _told(request: PutRetention) -> str:
    return f"{len(request.rules.rules)} rules"


def _listed(removals: tuple[Removal, ...]) -> RetentionPlan:
    plan = RetentionPlan(
        size_bytes=sum(removal.size_bytes for removal in removals), runs=len(removals)
    )
    listed = first_that_fit(removals[:REMOVALS_LISTED_MAX], encoded_size)
    return replace(plan, removals=listed, truncated=len(listed) < len(removals))
