"""The loop's own worker threads end with the loop, which outlives the check for leaks."""

import asyncio
from collections.abc import AsyncIterator

import pytest


@pytest.fixture(autouse=True)
async def loop_threads_ended(strict: None) -> AsyncIterator[None]:
    yield
    await asyncio.get_running_loop().shutdown_default_executor()
