"""The owner's rules on a real agent: put over the wire, edited by hand, kept out when broken."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol import rules_messages as rules
from lanherd_protocol.aio.peer import FeedEvent, Peer
from lanherd_protocol.errors import ErrorCode
from lanherd_protocol.states import Queued, Running, lease_of
from lanherd_protocol.values import GpuRequest, Telemetry
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.doors import pair, submit, through_socket, wait_run
from tests.support.run_calls import FOREVER, ended, refused, stopped


@pytest.fixture
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    """With two simulated GPUs, since rules are about GPUs."""
    with agent_process(Path(tmp_path_factory.mktemp("a")) / "home", gpus=2) as running:
        yield running


async def put(peer: Peer, text: str, expected_hash: str | None = None) -> rules.RulesState:
    request = rules.PutRules(text=text, expected_hash=expected_hash)
    return await peer.call(methods.RULES_PUT, request)


async def get(peer: Peer) -> rules.RulesState:
    return await peer.call(methods.RULES_GET, m.Empty())


async def problems(peer: Peer) -> AsyncGenerator[set[str], None]:
    """The codes of the machine's problems, with each sample."""
    async with peer.subscribe(methods.FEED_TELEMETRY, m.Empty()) as feed:
        async for event in feed:
            assert isinstance(event, FeedEvent)
            assert isinstance(event.body, Telemetry)
            yield {reason.code for reason in event.body.problems}


async def until(peer: Peer, code: str, *, there: bool) -> None:
    async with aclosing(problems(peer)) as samples:
        async for codes in samples:
            if (code in codes) is there:
                return


async def test_rules_are_put_checked_and_kept(agent: AgentProcess, peer: Peer) -> None:
    before = await get(peer)
    assert before.text == ""
    after = await put(peer, "# mine\nkeep_free = 1\n", before.text_hash)
    assert after.rules.keep_free == 1
    assert (agent.home / "rules.toml").read_text() == "# mine\nkeep_free = 1\n"
    async with refused(ErrorCode.CONFLICT):
        await put(peer, "keep_free = 0\n", before.text_hash)
    async with refused(ErrorCode.INVALID_REQUEST) as told:
        await put(peer, "keep_free = 2\n")
    assert "no run would ever get one" in str(told[0])
    request = rules.CheckRules(text="\ngpus = [5]\nstrategy = 'spread'\n")
    checked = await peer.call(methods.RULES_CHECK, request)
    [finding] = checked.findings
    assert (finding.line, finding.code) == (2, "unknown_gpu")
    assert (await get(peer)).rules.keep_free == 1


async def test_a_broken_edit_is_kept_out_over_a_restart(agent: AgentProcess, peer: Peer) -> None:
    file = agent.home / "rules.toml"
    good = (await put(peer, "keep_free = 1\n")).rules
    file.write_text("keep_free = 1\nstrateggy = 'pack'\n")
    await until(peer, "rules_broken", there=True)
    state = await get(peer)
    assert state.rules == good
    assert state.last_good == "keep_free = 1\n"
    assert [finding.line for finding in state.findings] == [2]
    agent.end()
    agent.start()
    async with through_socket(agent) as again:
        state = await get(again)
        assert state.rules == good
        assert state.findings
        file.write_text("keep_free = 0\n")
        await until(again, "rules_broken", there=False)
        assert (await get(again)).rules.keep_free == 0


async def test_only_operators_put_rules(agent: AgentProcess) -> None:
    device = await pair(agent, role="user")
    async with device.connected() as peer:
        assert (await get(peer)).text == ""
        async with refused(ErrorCode.NOT_ALLOWED):
            await put(peer, "keep_free = 1\n")
    assert not (agent.home / "rules.toml").exists()


async def test_rules_hold_for_what_is_submitted_next(agent: AgentProcess, peer: Peer) -> None:
    await put(peer, "gpus = [1]\n")
    run = await submit(peer, "sh", "-c", FOREVER, gpus=GpuRequest(count=1, vram_bytes=1 << 30))
    state = (await wait_run(peer, run, Running)).state
    assert [gpu.index for gpu in lease_of(state).gpus] == [1]
    await put(peer, "gpus = []\n")
    async with refused(ErrorCode.IMPOSSIBLE_REQUEST):
        await submit(peer, "true", gpus=GpuRequest(count=1, vram_bytes=1 << 30))
    await put(peer, "keep_free = 1\n")
    waits = await submit(peer, "true", gpus=GpuRequest(count=1, exclusive=True))
    state = (await wait_run(peer, waits, Queued)).state
    assert isinstance(state, Queued)
    await put(peer, "# all of them\n")
    assert (await ended(peer, waits)).outcome == "succeeded"
    await stopped(peer, run)
