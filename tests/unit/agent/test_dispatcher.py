"""An agent doesn't start with a method that nobody serves."""

from typing import Any

import pytest
from msgspec import Struct

from lanherd_agent.api.dispatcher import AgentDispatcher, Routes
from lanherd_protocol.aio.server import IncomingCall, IncomingSubscription
from lanherd_protocol.messages import Empty
from lanherd_protocol.methods import FEEDS, METHODS


async def answer(call: IncomingCall, request: Any) -> Struct:
    return Empty()


async def feed(subscription: IncomingSubscription, params: Any) -> None:
    return None


def routes(*, without: str = "") -> Routes:
    made = Routes()
    for method in METHODS.values():
        if method.name != without:
            made.call(method, answer)
    for row in FEEDS.values():
        if row.name != without:
            made.feed(row, feed)
    return made


def test_all_is_served() -> None:
    AgentDispatcher(routes())


@pytest.mark.parametrize("name", [*METHODS, *FEEDS])
def test_one_without_a_handler(name: str) -> None:
    with pytest.raises(ValueError, match=f"without a handler: \\['{name}'\\]"):
        AgentDispatcher(routes(without=name))


def test_a_handler_without_a_row() -> None:
    fewer = {name: method for name, method in METHODS.items() if name != "runs.get"}
    with pytest.raises(ValueError, match=r"without a row: \['runs\.get'\]"):
        AgentDispatcher(routes(), fewer)
    with pytest.raises(ValueError, match="every feed"):
        AgentDispatcher(routes(), feeds={})


def test_two_handlers() -> None:
    made = routes()
    with pytest.raises(ValueError, match="two handlers"):
        made.call(METHODS["runs.get"], answer)
    with pytest.raises(ValueError, match="two handlers"):
        made.feed(FEEDS["runs"], feed)
