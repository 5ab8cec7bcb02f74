"""A question of a user waits for what a lost connection of his has brought, and nothing else."""

import asyncio
from types import SimpleNamespace
from typing import Any

from lanherd_agent.api.receiving import Receiving


class Call:
    """A call as far as this is concerned; hashable, as calls are."""

    def __init__(self, user: str, *, is_cut: bool) -> None:
        self.caller = SimpleNamespace(user=user)
        self.is_cut = is_cut


async def test_a_question_waits_for_the_uploads_that_were_cut() -> None:
    receiving: Any = Receiving()
    cut, going, other = (
        Call("ada", is_cut=True),
        Call("ada", is_cut=False),
        Call("eve", is_cut=True),
    )
    with receiving.taking(going), receiving.taking(other):
        await receiving.settled("ada")
        answered: list[str] = []

        async def ask() -> None:
            await receiving.settled("ada")
            answered.append("ada")

        async with asyncio.TaskGroup() as tasks:
            with receiving.taking(cut):
                tasks.create_task(ask())
                await asyncio.sleep(0)
                await receiving.settled("bob")
                assert answered == []
        assert answered == ["ada"]
    await receiving.settled("eve")
    assert not receiving._calls
