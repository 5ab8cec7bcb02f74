"""The headless controller: what the desktop, the CLI and scripts stand on.

`Fleet` is the asyncio face, `lanherd_client.blocking` the one without it. The names below are
loaded when they are first used, so that the CLI starts without what it doesn't need.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet
    from lanherd_client.observers import Changes
    from lanherd_client.orders import Order, order
    from lanherd_client.run import LogChunk, Run
    from lanherd_protocol.values import RetentionRule, RetentionRules, RetryRule

__all__ = [
    "Changes",
    "Fleet",
    "LogChunk",
    "Order",
    "RetentionRule",
    "RetentionRules",
    "RetryRule",
    "Run",
    "order",
]

_HOMES = {
    "Changes": "lanherd_client.observers",
    "Fleet": "lanherd_client.fleet",
    "LogChunk": "lanherd_client.run",
    "Order": "lanherd_client.orders",
    "RetentionRule": "lanherd_protocol.values",
    "RetentionRules": "lanherd_protocol.values",
    "RetryRule": "lanherd_protocol.values",
    "Run": "lanherd_client.run",
    "order": "lanherd_client.orders",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home), name)
