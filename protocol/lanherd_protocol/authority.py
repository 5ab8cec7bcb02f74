"""Who may do what: the one place where role and channel are checked.

`scope` own is not decided here: it takes the object's owner, which the dispatcher knows.
"""

from typing import Any, Literal

from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.messages import Role
from lanherd_protocol.methods import FEEDS, METHODS, Feed, Method, may

Channel = Literal["tls", "unix"]


def authorise_call(name: str, role: Role, channel: Channel) -> Method[Any, Any] | Failure:
    """The method, or why this caller can't have it."""
    method = METHODS.get(name)
    if method is None:
        return _unknown("method", name)
    if method.channel == "unix" and channel != "unix":
        return Failure(
            code=ErrorCode.NOT_ALLOWED,
            title="This can only be done on the machine itself.",
            message=f"{name!r} is taken on the agent's Unix socket alone.",
            remedy="Run it on that machine, or through SSH.",
            data={"method": name},
        )
    return method if may(role, method.role) else _role_too_low(name, role, method.role)


def authorise_feed(name: str, role: Role) -> Feed[Any, Any] | Failure:
    """The feed, or why this caller can't have it."""
    feed = FEEDS.get(name)
    if feed is None:
        return _unknown("feed", name)
    return feed if may(role, feed.role) else _role_too_low(name, role, feed.role)


def _unknown(what: str, name: str) -> Failure:
    return Failure(
        code=ErrorCode.UNKNOWN_METHOD,
        title="This agent doesn't know that request.",
        message=f"It has no {what} {name[:100]!r}.",
        remedy="Upgrade Lanherd on the agent's machine.",
        data={"name": name[:100]},
    )


def _role_too_low(name: str, role: Role, needed: Role) -> Failure:
    return Failure(
        code=ErrorCode.NOT_ALLOWED,
        title="This device may not do that.",
        message=f"{name!r} needs the role {needed!r} on this machine; this device has {role!r}.",
        remedy="Ask an admin of the machine for a higher role.",
        data={"name": name, "role": role, "needed": needed},
    )
