"""What was read of the machine in the past."""

from lanherd_agent.api.dispatcher import Routes
from lanherd_agent.history.keeper import HistoryKeeper
from lanherd_protocol.aio.server import IncomingCall
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.history_messages import History, ReadHistory
from lanherd_protocol.limits import HISTORY_POINTS_MAX
from lanherd_protocol.methods import HISTORY_READ


class HistoryApi:
    def __init__(self, keeper: HistoryKeeper) -> None:
        self._keeper = keeper

    def routes(self, routes: Routes) -> None:
        routes.call(HISTORY_READ, self._on_read)

    async def _on_read(self, call: IncomingCall, request: ReadHistory) -> History:
        if not 0 < request.points_max <= HISTORY_POINTS_MAX:
            raise error(
                ErrorCode.INVALID_REQUEST,
                "So many points can't be asked for.",
                f"points_max is {request.points_max}.",
                f"Ask for 1 to {HISTORY_POINTS_MAX} points.",
                refusal="bad_points",
                points=request.points_max,
                points_max=HISTORY_POINTS_MAX,
            )
        return self._keeper.read(request.gpu, request.since, request.until, request.points_max)
