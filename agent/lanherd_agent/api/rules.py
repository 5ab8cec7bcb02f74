"""The machine's rules: what holds, whether a file would be taken, and a new file."""

from collections.abc import Awaitable, Callable

from lanherd_agent.api.access import audit
from lanherd_agent.api.dispatcher import Routes
from lanherd_agent.machine_rules import RulesKeeper
from lanherd_agent.persist.store import AuditEntry
from lanherd_protocol.aio.server import IncomingCall
from lanherd_protocol.messages import Empty
from lanherd_protocol.methods import RULES_CHECK, RULES_GET, RULES_PUT
from lanherd_protocol.rules_messages import CheckRules, PutRules, RulesChecked, RulesState


class RulesApi:
    def __init__(self, rules: RulesKeeper, record: Callable[[AuditEntry], Awaitable[None]]) -> None:
        self._rules = rules
        self._record = record

    def routes(self, routes: Routes) -> None:
        routes.call(RULES_GET, self._on_get)
        routes.call(RULES_PUT, self._on_put)
        routes.call(RULES_CHECK, self._on_check)

    async def _on_get(self, call: IncomingCall, request: Empty) -> RulesState:
        self._rules.look()
        return self._rules.state()

    async def _on_put(self, call: IncomingCall, request: PutRules) -> RulesState:
        entry = audit(call, f"{len(request.text.splitlines())} lines of rules")
        await self._rules.put(request, lambda: self._record(entry))
        return self._rules.state()

    async def _on_check(self, call: IncomingCall, request: CheckRules) -> RulesChecked:
        return self._rules.check(request.text)
