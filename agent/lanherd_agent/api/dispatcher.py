"""Joins the method registry to the handlers, and refuses to be built when the two don't match."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from msgspec import Struct

from lanherd_protocol.aio.server import IncomingCall, IncomingSubscription
from lanherd_protocol.methods import FEEDS, METHODS, Feed, Method

Request = TypeVar("Request", bound=Struct)
Response = TypeVar("Response", bound=Struct)

CallHandler = Callable[[IncomingCall, Any], Awaitable[Struct]]
FeedHandler = Callable[[IncomingSubscription, Any], Awaitable[None]]


class Routes:
    """Handlers by method and feed, collected before the agent serves."""

    def __init__(self) -> None:
        self.calls: dict[str, CallHandler] = {}
        self.feeds: dict[str, FeedHandler] = {}

    def call(
        self,
        method: Method[Request, Response],
        handler: Callable[[IncomingCall, Request], Awaitable[Response]],
    ) -> None:
        if method.name in self.calls:
            raise ValueError(f"method {method.name} has two handlers")
        self.calls[method.name] = handler

    def feed(
        self,
        feed: Feed[Request, Response],
        handler: Callable[[IncomingSubscription, Request], Awaitable[None]],
    ) -> None:
        if feed.name in self.feeds:
            raise ValueError(f"feed {feed.name} has two handlers")
        self.feeds[feed.name] = handler


class AgentDispatcher:
    """Takes every call and subscription that the listener has authorised."""

    def __init__(
        self,
        routes: Routes,
        methods: Mapping[str, Method[Any, Any]] = METHODS,
        feeds: Mapping[str, Feed[Any, Any]] = FEEDS,
    ) -> None:
        _check("method", set(methods), set(routes.calls))
        _check("feed", set(feeds), set(routes.feeds))
        self._calls = dict(routes.calls)
        self._feeds = dict(routes.feeds)

    async def on_call(self, call: IncomingCall) -> Struct:
        return await self._calls[call.method.name](call, call.request)

    async def on_subscribe(self, sub: IncomingSubscription) -> None:
        await self._feeds[sub.feed.name](sub, sub.params)


def _check(kind: str, registered: set[str], handled: set[str]) -> None:
    without_handler = sorted(registered - handled)
    without_row = sorted(handled - registered)
    if without_handler or without_row:
        raise ValueError(
            f"every {kind} needs a row in the registry and a handler; "
            f"without a handler: {without_handler}, without a row: {without_row}"
        )
