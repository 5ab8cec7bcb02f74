"""Ways into a real agent: its Unix socket, its TLS port with a paired key, and a bare socket."""

import asyncio
import os
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from lanherd_protocol import log_messages as lm
from lanherd_protocol import messages as m
from lanherd_protocol import methods
from lanherd_protocol.aio.connect import connect_tls, connect_unix
from lanherd_protocol.aio.identity import Identity, load_or_create_identity
from lanherd_protocol.aio.peer import FeedEvent, Peer
from lanherd_protocol.aio.tls import client_context
from lanherd_protocol.handshake import local_hello
from lanherd_protocol.ids import RunId, uuid7
from lanherd_protocol.states import Ended, RunState, RunView
from lanherd_protocol.values import RunSpec
from tests.support.agent_process import AgentProcess

HERE = "127.0.0.1"
SOON_S = 20.0


class Device:
    """A controller's key, and the agent's side of its pairing."""

    def __init__(self, identity: Identity, paired: m.Paired) -> None:
        self.identity = identity
        self.paired = paired

    async def connect(self, identity: Identity | None = None, port: int = 0) -> Peer:
        """Over TLS; with another key where one is given."""
        return await connect_tls(
            [HERE],
            port or self.paired.port,
            identity or self.identity,
            self.paired.certificate_pem,
            self.paired.machine,
            local_hello("test"),
        )

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Peer]:
        peer = await self.connect()
        try:
            yield peer
        finally:
            await peer.close()

    @asynccontextmanager
    async def raw(
        self, *, alpn: str | None = m.ALPN
    ) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """The bytes inside TLS, as this device, to be misused."""
        context = client_context(self.identity, self.paired.certificate_pem)
        if alpn != m.ALPN:
            context = _bare_context(self.identity, self.paired.certificate_pem)
            if alpn is not None:
                context.set_alpn_protocols([alpn])
        streams = await asyncio.open_connection(HERE, self.paired.port, ssl=context)
        try:
            yield streams
        finally:
            streams[1].transport.abort()


def _bare_context(identity: Identity, certificate_pem: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=certificate_pem)
    context.load_cert_chain(identity.certificate_path, identity.key_path)
    return context


@asynccontextmanager
async def through_socket(agent: AgentProcess) -> AsyncIterator[Peer]:
    peer = await connect_unix(agent.socket, local_hello("test"))
    try:
        yield peer
    finally:
        await peer.close()


async def pair(agent: AgentProcess, name: str = "device", role: m.Role = "admin") -> Device:
    """A device with a key of its own below HOME."""
    identity = load_or_create_identity(Path(os.environ["HOME"]) / f"key-{name}")
    async with through_socket(agent) as peer:
        paired = await peer.call(
            methods.PAIRING_PAIR,
            m.PairDevice(certificate_pem=identity.certificate_pem, name=name, role=role),
        )
    return Device(identity, paired)


def new_run_id() -> RunId:
    return RunId(uuid7(time.time_ns() // 1_000_000, os.urandom(10)))


def new_run(*command: str, **more: Any) -> m.NewRun:
    return m.NewRun(run=new_run_id(), spec=RunSpec(command=command, **more))


async def submit(peer: Peer, *command: str, **more: Any) -> RunId:
    new = new_run(*command, **more)
    await peer.call(methods.RUNS_SUBMIT, m.SubmitRuns(runs=(new,)))
    return new.run


async def wait_run(peer: Peer, run: RunId, kind: type[RunState] = Ended) -> RunView:
    """The run once it is in this state, told by the feed."""
    async with asyncio.timeout(SOON_S), peer.subscribe(methods.FEED_RUNS, m.Empty()) as feed:
        view = (await peer.call(methods.RUNS_GET, m.GetRun(run=run))).view
        if isinstance(view.state, kind):
            return view
        async for item in feed:
            if isinstance(item, FeedEvent) and item.body.view.run == run:
                view = item.body.view
                if isinstance(view.state, kind):
                    return view
    raise AssertionError("the feed ended before that")


async def read_log(peer: Peer, run: RunId, **more: Any) -> tuple[bytes, lm.LogEnd]:
    async with peer.download(methods.LOGS_READ, lm.ReadLog(run=run, **more)) as download:
        data = b"".join([chunk async for chunk in download])
        return data, download.response


async def read_output(peer: Peer, run: RunId, path: str, **more: Any) -> bytes:
    request = m.ReadOutput(run=run, path=path, **more)
    async with peer.download(methods.OUTPUTS_READ, request) as download:
        return b"".join([chunk async for chunk in download])
