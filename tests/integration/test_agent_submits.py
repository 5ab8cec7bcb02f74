"""10,000 runs in one submit to a real agent: taken whole or not at all, and answered alike."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from msgspec import Raw

from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.peer import Peer
from lanherd_protocol.codec import decode_body, encode_body
from lanherd_protocol.errors import ErrorCode
from lanherd_protocol.limits import MIB, SUBMIT_BYTES_MAX, SUBMITTED_BYTES_MAX
from lanherd_protocol.states import RunView
from lanherd_protocol.values import RunGroup, RunSettings, RunSpec
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.doors import new_run_id, through_socket
from tests.support.run_calls import refusal

ROWS = 10_000


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    with agent_process(tmp_path / "agent") as running:
        yield running


@pytest.fixture
async def peer(agent: AgentProcess) -> AsyncIterator[Peer]:
    async with through_socket(agent) as peer:
        yield peer


def rows(last: RunSpec | None = None) -> tuple[m.NewRun, ...]:
    specs = [
        RunSpec(
            command=("python", "train.py", "--seed", str(n)),
            name=f"s-{n}",
            group=RunGroup(name="big", key=str(n)),
        )
        for n in range(ROWS)
    ]
    if last is not None:
        specs[-1] = last
    held = RunSettings(held=True)
    return tuple(m.NewRun(run=new_run_id(), spec=spec, settings=held) for spec in specs)


def body_of(runs: tuple[m.NewRun, ...]) -> bytes:
    return bytes(encode_body(m.SubmitRuns(runs=runs)))


async def submit(peer: Peer, body: bytes) -> tuple[RunView, ...]:
    request = m.SubmitStream(size_bytes=len(body))
    answer, end = await peer.exchange(
        methods.RUNS_SUBMIT_STREAM, request, body, SUBMITTED_BYTES_MAX
    )
    assert end.size_bytes == len(answer)
    return decode_body(m.RunsSubmitted, Raw(answer)).runs


async def waiting(peer: Peer) -> int:
    return (await peer.call(methods.AGENT_STATUS, m.Empty())).queued_runs


async def test_all_of_them_are_taken_once_and_answered_alike_also_after_a_restart(
    agent: AgentProcess, peer: Peer
) -> None:
    runs = rows()
    body = body_of(runs)
    assert len(body) > MIB
    views = await submit(peer, body)
    assert [view.run for view in views] == [new.run for new in runs]
    assert {view.submitted_at for view in views} == {views[0].submitted_at}
    assert await submit(peer, body) == views
    await asyncio.to_thread(agent.kill)
    await asyncio.to_thread(agent.start)
    async with through_socket(agent) as again:
        assert await submit(again, body) == views
        assert await waiting(again) == ROWS
        listed = m.ListRuns(group="big", limit=1000)
        assert len((await again.call(methods.RUNS_LIST, listed)).runs) > 0


async def test_one_wrong_row_at_the_end_and_none_is_taken(peer: Peer) -> None:
    wrong = body_of(rows(RunSpec(command=())))
    assert (await refusal(submit(peer, wrong))).code is ErrorCode.INVALID_REQUEST
    assert await waiting(peer) == 0
    fat = body_of(rows(RunSpec(command=("true",), variables={"A": "x" * MIB})))
    assert (await refusal(submit(peer, fat))).code is ErrorCode.TOO_LARGE
    assert await waiting(peer) == 0


async def test_a_cut_midway_leaves_nothing_and_the_same_is_taken_whole_later(
    agent: AgentProcess, peer: Peer
) -> None:
    body = body_of(rows())
    cut = await _cut_peer(agent)
    half_sent = asyncio.Event()

    async def half() -> AsyncIterator[bytes]:
        yield body[: len(body) // 2]
        half_sent.set()
        await asyncio.Event().wait()

    request = m.SubmitStream(size_bytes=len(body))
    async with asyncio.TaskGroup() as tasks:
        call = cut.call(methods.RUNS_SUBMIT_STREAM, request, upload=half())
        told = tasks.create_task(refusal(call))
        await half_sent.wait()
        await cut.close()
    assert told.result().code is ErrorCode.CONNECTION_LOST
    assert await waiting(peer) == 0
    assert len(await submit(peer, body)) == ROWS
    assert await waiting(peer) == ROWS


async def _cut_peer(agent: AgentProcess) -> Peer:
    from lanherd_protocol.aio.connect import connect_unix
    from lanherd_protocol.handshake import local_hello

    return await connect_unix(agent.socket, local_hello("cut"))


async def test_a_stream_that_is_no_submit_is_refused(peer: Peer) -> None:
    body = body_of(rows()[:3])
    for size, sent, code in (
        (len(body), body[:-1], ErrorCode.INVALID_REQUEST),
        (len(body) - 1, body, ErrorCode.INVALID_REQUEST),
        (len(body), b"x" * len(body), ErrorCode.INVALID_REQUEST),
        (0, b"", ErrorCode.TOO_LARGE),
        (SUBMIT_BYTES_MAX + 1, b"", ErrorCode.TOO_LARGE),
    ):
        request = m.SubmitStream(size_bytes=size)
        asked = peer.exchange(methods.RUNS_SUBMIT_STREAM, request, sent, MIB)
        assert (await refusal(asked)).code is code, (size, len(sent))
    assert len(await submit(peer, body)) == 3
    assert (await refusal(submit(peer, body_of(())))).code is ErrorCode.INVALID_REQUEST
    assert (await refusal(submit(peer, body_of(rows() + rows()[:1])))).code is ErrorCode.TOO_LARGE


async def test_an_answer_that_is_longer_than_it_may_be_is_given_up(peer: Peer) -> None:
    body = body_of(rows()[:50])
    request = m.SubmitStream(size_bytes=len(body))
    asked = peer.exchange(methods.RUNS_SUBMIT_STREAM, request, body, 100)
    assert (await refusal(asked)).code is ErrorCode.PROTOCOL_ERROR
