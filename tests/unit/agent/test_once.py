import pytest

from lanherd_agent.api import once
from lanherd_agent.api.once import Once
from lanherd_protocol.environment_messages import (
    EnvironmentRemoved,
    EnvironmentRepaired,
    RemoveEnvironment,
    RepairEnvironment,
)
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import CommandId
from tests.support.run_calls import command_id


class Work:
    def __init__(self) -> None:
        self.done = 0

    async def __call__(self) -> EnvironmentRemoved:
        self.done += 1
        return EnvironmentRemoved(bytes_freed=self.done)


async def test_the_same_command_is_the_same_change() -> None:
    changes, work = Once(), Work()
    request = RemoveEnvironment(command=command_id(), environment="a")
    assert await changes.do(request, EnvironmentRemoved, work) == EnvironmentRemoved(bytes_freed=1)
    assert await changes.do(request, EnvironmentRemoved, work) == EnvironmentRemoved(bytes_freed=1)
    assert work.done == 1
    other = RemoveEnvironment(command=request.command, environment="b")
    with pytest.raises(LanherdError) as refused:
        await changes.do(other, EnvironmentRemoved, work)
    assert refused.value.code is ErrorCode.CONFLICT
    anew = RemoveEnvironment(command=command_id(), environment="a")
    assert (await changes.do(anew, EnvironmentRemoved, work)).bytes_freed == 2


async def test_a_change_that_failed_may_be_sent_again() -> None:
    changes = Once()
    request = RepairEnvironment(command=command_id(), environment="a")
    tries = 0

    async def work() -> EnvironmentRepaired:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise RuntimeError
        return EnvironmentRepaired(files=0, damaged=(), repaired=False)

    with pytest.raises(RuntimeError):
        await changes.do(request, EnvironmentRepaired, work)
    assert not (await changes.do(request, EnvironmentRepaired, work)).repaired


async def test_the_last_answers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "COMMANDS_KEPT_MAX", 1)
    changes, work = Once(), Work()
    first = RemoveEnvironment(command=command_id(), environment="a")
    await changes.do(first, EnvironmentRemoved, work)
    await changes.do(
        RemoveEnvironment(command=command_id(), environment="a"), EnvironmentRemoved, work
    )
    assert (await changes.do(first, EnvironmentRemoved, work)).bytes_freed == 3


async def test_what_is_no_command() -> None:
    with pytest.raises(LanherdError) as refused:
        await Once().do(
            RemoveEnvironment(command=CommandId("x"), environment="a"), EnvironmentRemoved, Work()
        )
    assert refused.value.code is ErrorCode.INVALID_REQUEST
