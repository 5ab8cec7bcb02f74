"""What no message can hold is refused with words, and a secret isn't told with it."""

from typing import Any

import pytest

from lanherd_client.orders import order
from lanherd_client.sending import sendable
from lanherd_client.submitting import submit_to
from lanherd_protocol.errors import ErrorCode, LanherdError, MisuseError
from lanherd_protocol.ids import CommandId
from lanherd_protocol.messages import ChangeRun
from lanherd_protocol.methods import RUNS_CHANGE
from tests.support.scripted_agent import Desk, ScriptedAgent, desk, run_id

NO_TEXT = "hunter2\udcff"


async def refusal_of_submit(one: Desk, **options: Any) -> LanherdError:
    made = order(["true"], **options)
    with pytest.raises(LanherdError) as caught:
        await submit_to(one.session, [made], None, "auto", None)
    return caught.value


def test_what_can_be_sent_is_let_through() -> None:
    with sendable():
        pass
    with pytest.raises(ValueError, match="other"), sendable():
        raise ValueError("other")


async def test_a_text_that_is_none() -> None:
    async with desk(ScriptedAgent()) as one:
        refused = await refusal_of_submit(one, secrets={"TOKEN": NO_TEXT})
        assert refused.code is ErrorCode.INVALID_REQUEST
        assert "character 8" in refused.failure.message
        assert "hunter2" not in f"{refused} {refused.failure} {refused.__cause__}"
        change = ChangeRun(run=run_id(1), command=CommandId("c"), notes=NO_TEXT)
        for ask in (one.session.ask, one.session.insist):
            with pytest.raises(LanherdError, match="no UTF-8"):
                await ask(RUNS_CHANGE, change)


async def test_a_number_that_is_too_large() -> None:
    async with desk(ScriptedAgent()) as one:
        with pytest.raises(MisuseError, match="priority is too large"):
            await one.run(run_id(1)).set_priority(10**30)
        change = ChangeRun(run=run_id(1), command=CommandId("c"), priority=10**30)
        with pytest.raises(MisuseError, match="A number can't be sent"):
            await one.session.ask(RUNS_CHANGE, change)
