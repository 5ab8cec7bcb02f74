"""The part that all commands share: a fleet for the length of a command, with its deadline."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lanherd_client.home import controller_home
from lanherd_protocol.errors import ErrorCode, error

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet

SETTLE_S = 5.0
ANSWER_S = 30.0
Result = TypeVar("Result")


def home_of(context: click.Context) -> Path:
    """The controller's home of this invocation."""
    return controller_home(context.find_root().params.get("home"))


def complete(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Runs a command's coroutine to its end."""
    return asyncio.run(coroutine)


@asynccontextmanager
async def connected(context: click.Context) -> "AsyncIterator[Fleet]":
    """A fleet whose machines have answered, or had their time to."""
    from lanherd_client.fleet import Fleet

    async with Fleet.open(home_of(context)) as fleet:
        await fleet.settled(SETTLE_S)
        yield fleet


async def answered(question: Awaitable[Result], timeout_s: float = ANSWER_S) -> Result:
    """The answer, or `TIMED_OUT`: a shell waits for a while, not for ever."""
    try:
        async with asyncio.timeout(timeout_s):
            return await question
    except TimeoutError as problem:
        raise error(
            ErrorCode.TIMED_OUT,
            f"The machine did not answer within {timeout_s:.0f} seconds.",
            "It was connected, and then fell silent or went away.",
            "See 'lanherd machines', then try again.",
        ) from problem


def now() -> float:
    """Unix seconds."""
    return time.time()
