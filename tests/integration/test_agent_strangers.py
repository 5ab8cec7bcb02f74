"""A real agent and what comes to its doors: it lives, the offender is sent away, others go on."""

import asyncio
import os
import ssl
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.identity import load_or_create_identity
from lanherd_protocol.codec import append_frame, encode_body
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.framing import BULK_FLAG
from lanherd_protocol.handshake import local_hello
from lanherd_protocol.ids import BlobHash, SnapshotId
from lanherd_protocol.limits import BULK_CHUNK_BYTES_MAX, CONTROL_FRAME_BYTES_MAX
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.doors import HERE, SOON_S, Device, pair, through_socket

HAS = m.HasSnapshot(snapshot=SnapshotId("a" * 64))


@pytest.fixture(scope="module")
def agent() -> Iterator[AgentProcess]:
    with agent_process(Path(os.environ["HOME"]) / "strangers") as running:
        yield running
        assert running.log.count("\n") == 1, "only that it serves: strangers fill no log"


@asynccontextmanager
async def undisturbed(agent: AgentProcess, device: Device) -> AsyncIterator[None]:
    """Somebody else is connected all the while, and afterwards as well served as before."""
    async with (
        device.connected() as peer,
        through_socket(agent) as local,
        peer.subscribe(methods.FEED_TELEMETRY, m.Empty()) as feed,
    ):
        yield
        before = await peer.call(methods.AGENT_STATUS, m.Empty())
        assert before.pid == agent.pid
        assert (await local.call(methods.AGENT_STATUS, m.Empty())).pid == agent.pid
        async with asyncio.timeout(SOON_S):
            async for _ in feed:
                break
    async with device.connected() as again:
        assert (await again.call(methods.AGENT_STATUS, m.Empty())).pid == agent.pid


async def test_an_unknown_key_is_told_to_pair(agent: AgentProcess) -> None:
    device = await pair(agent)
    stranger = load_or_create_identity(Path(os.environ["HOME"]) / "stranger")
    async with undisturbed(agent, device):
        with pytest.raises(LanherdError) as caught:
            await device.connect(stranger)
        assert caught.value.code is ErrorCode.NOT_PAIRED
        assert "Pair it" in caught.value.failure.remedy


@pytest.mark.parametrize("alpn", ["h2", None])
async def test_another_protocol_is_told_goodbye(agent: AgentProcess, alpn: str | None) -> None:
    device = await pair(agent)
    async with undisturbed(agent, device):
        said = b""
        # OpenSSL says it by an alert, the agent by a goodbye: to which of them it comes to first.
        with suppress(ssl.SSLError, ConnectionError):
            async with device.raw(alpn=alpn) as (reader, _), asyncio.timeout(SOON_S):
                said = await reader.read()
        assert b"protocol_error" in said or not said
        assert b"hello" not in said


@pytest.mark.parametrize(
    "words",
    [
        b"GET / HTTP/1.1\r\nHost: box\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x16\x03\x01\xff\xff" + bytes(70_000),
        b"\0" * 1000,
        bytes(range(256)) * 512,
        b"",
    ],
    ids=["http", "ssh", "half a hello", "zeros", "garbage", "nothing"],
)
async def test_garbage_on_the_port(agent: AgentProcess, words: bytes) -> None:
    device = await pair(agent)
    async with undisturbed(agent, device):
        reader, writer = await asyncio.open_connection(HERE, device.paired.port)
        writer.write(words)
        writer.write_eof()
        async with asyncio.timeout(SOON_S):
            try:
                said = await reader.read()
            except ConnectionError:
                said = b""
        writer.transport.abort()
        assert b"lanherd" not in said.lower()


@pytest.mark.parametrize("words", [b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 5000, bytes(100)])
async def test_garbage_on_the_socket(agent: AgentProcess, words: bytes) -> None:
    device = await pair(agent)
    async with undisturbed(agent, device):
        reader, writer = await asyncio.open_unix_connection(str(agent.socket))
        writer.write(words)
        async with asyncio.timeout(SOON_S):
            said = await reader.read()
        writer.transport.abort()
        # The agent's hello, and then why it closes.
        assert b"goodbye" in said


def frames(*frames: m.Frame) -> bytes:
    out = bytearray()
    for frame in frames:
        append_frame(out, frame)
    return bytes(out)


def call(number: int, method: str, body: msgspec.Struct) -> m.Call:
    return m.Call(number, method, encode_body(body))


def control(payload: bytes, size: int | None = None) -> bytes:
    return struct.pack(">I", len(payload) if size is None else size) + payload


def bulk(call_id: int, size: int, data: bytes = b"x") -> bytes:
    return struct.pack(">II", BULK_FLAG | 4 + size, call_id) + data


OFFENCES = {
    "over its limit": control(b"\x95", CONTROL_FRAME_BYTES_MAX + 1),
    "bulk over its limit": bulk(1, BULK_CHUNK_BYTES_MAX + 1),
    "empty": control(b""),
    "no msgpack": control(b"\xc1\xc1\xc1"),
    "no frame": control(msgspec.msgpack.encode({"a": 1})),
    "wrong types": control(msgspec.msgpack.encode(["call", "one", 2, [], {}])),
    "bulk for no call": bulk(77, 1),
    "credit for no call": frames(m.Credit(77, 1)),
    "an answer to nothing": frames(m.Reply(1, encode_body(m.Empty()))),
    "a second hello": frames(local_hello("again")),
    "a number used twice": frames(
        call(5, "agent.status", m.Empty()), call(5, "agent.status", m.Empty())
    ),
    "bulk that nobody takes": frames(call(5, "agent.status", m.Empty())) + bulk(5, 1),
    "since before all": frames(m.Subscribe(5, "runs", -7, encode_body(m.Empty()))),
}


@pytest.mark.parametrize("offence", OFFENCES.values(), ids=OFFENCES.keys())
async def test_a_paired_device_that_misbehaves(agent: AgentProcess, offence: bytes) -> None:
    device = await pair(agent)
    async with undisturbed(agent, device):
        async with device.raw() as (reader, writer), asyncio.timeout(SOON_S):
            writer.write(frames(local_hello("test")) + offence)
            said = await reader.read()
        assert b"goodbye" in said
        assert b"protocol_error" in said or b"too_large" in said


async def test_a_wrong_request_fails_alone(agent: AgentProcess) -> None:
    """What is well framed and no sense costs its own call, and not the connection."""
    device = await pair(agent)
    async with undisturbed(agent, device), device.raw() as (reader, writer):
        writer.write(
            frames(
                local_hello("test"),
                call(1, "no.such", m.Empty()),
                call(2, "runs.get", HAS),
                m.Subscribe(3, "no feed", -1, encode_body(m.Empty())),
                m.Subscribe(4, "outputs", -1, encode_body(HAS)),
                call(5, "runs.list", m.ListRuns(limit=-1)),
                call(6, "runs.list", m.ListRuns(limit=10**18)),
                call(7, "snapshots.missing", m.FindMissing(blobs=(BlobHash("a"),) * 10_001)),
                call(8, "runs.submit", m.SubmitRuns(runs=())),
                call(9, "snapshots.has", HAS),
            )
        )
        said = b""
        async with asyncio.timeout(SOON_S):
            while b"present" not in said:
                said += await reader.read(65536)
        assert said.count(b"unknown_method") == 2
        assert said.count(b"invalid_request") == 5
        assert said.count(b"too_large") == 1
        assert b"goodbye" not in said
