"""The scripted agent behind real ports: TLS on loopback, a Unix socket, an advert, pairing.

A whole controller (`Fleet`, the CLI) can be held against it in the states that a real agent is hard
to bring into.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from lanherd_client.home import advert_dir
from lanherd_protocol import messages as m
from lanherd_protocol.aio.certificate import device_of_certificate
from lanherd_protocol.aio.identity import Identity, load_or_create_identity
from lanherd_protocol.aio.listener import Listener
from lanherd_protocol.aio.server import Grant, IncomingCall
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.handshake import local_hello
from lanherd_protocol.ids import DeviceId
from tests.support.scripted_agent import ScriptedAgent, facts

LOOPBACK = ("127.0.0.1",)


class ListeningAgent(ScriptedAgent):
    """A scripted agent with an identity and a home. `open` and `close` are its power switch."""

    def __init__(self, home: Path, identity: Identity, name: str) -> None:
        super().__init__()
        self.home = home
        self.identity = identity
        self.name = name
        self.facts = facts(identity.device, name)
        self.port = 0
        self.paired: dict[DeviceId, m.PairDevice] = {}
        self.claims: str | None = None
        """A certificate that it gives as its own when it is paired."""
        self.listener: Listener | None = None
        self.advertises = True

    @property
    def device(self) -> DeviceId:
        return self.identity.device

    @property
    def socket(self) -> Path:
        return self.home / "agent.sock"

    async def open(self) -> None:
        """Listens, on the same port as before where it can, and advertises."""
        self.listener = Listener(self, local_hello(self.name, self.device))
        self.port = await self.listener.listen_tls(
            LOOPBACK,
            self.port,
            self.identity,
            [paired.certificate_pem for paired in self.paired.values()],
            self._look_up,
        )
        await self.listener.listen_unix(self.socket)
        if self.advertises:
            self._advertise()

    async def close(self) -> None:
        self._advert_path.unlink(missing_ok=True)
        if self.listener is not None:
            await self.listener.close()
            self.listener = None

    def revoke(self, device: DeviceId) -> None:
        """The device is no longer let in, and is thrown out where it is in."""
        del self.paired[device]
        if self.listener is not None:
            self.listener.disconnect(device)

    def cut(self, device: DeviceId) -> None:
        """The device's connections are lost; it may come back at once."""
        lost = error(ErrorCode.CONNECTION_LOST, "The cable was cut.").failure
        if self.listener is not None:
            self.listener.disconnect(device, lost)

    @property
    def _advert_path(self) -> Path:
        return advert_dir() / f"{self.device}.json"

    def _advertise(self) -> None:
        advert = {
            "machine": self.device,
            "name": self.name,
            "version": "0.1.0",
            "addresses": LOOPBACK,
            "port": self.port,
            "socket": str(self.socket),
            "pid": os.getpid(),
            "simulated": True,
        }
        self._advert_path.parent.mkdir(parents=True, exist_ok=True)
        self._advert_path.write_bytes(msgspec.json.encode(advert))

    def _look_up(self, device: DeviceId) -> Grant | None:
        paired = self.paired.get(device)
        return None if paired is None else Grant(paired.role, "tester")

    async def on_call(self, call: IncomingCall) -> Struct:
        match call.request:
            case m.PairDevice():
                return self._pair(call.request)
            case m.Empty() if call.method.name == "agent.status":
                return self._status()
            case m.Empty() if call.method.name == "environments.list":
                return m.EnvironmentList(environments=())
            case _:
                return await super().on_call(call)

    def _pair(self, request: m.PairDevice) -> m.Paired:
        self.paired[device_of_certificate(request.certificate_pem)] = request
        cast("Listener", self.listener).add_anchor(request.certificate_pem)
        return m.Paired(
            machine=self.device,
            certificate_pem=self.claims or self.identity.certificate_pem,
            name=self.name,
            port=self.port,
            addresses=LOOPBACK,
            role=request.role,
        )

    def _status(self) -> m.AgentStatus:
        return m.AgentStatus(
            machine=self.device,
            name=self.name,
            version="0.1.0",
            pid=os.getpid(),
            port=self.port,
            addresses=LOOPBACK,
            started_at=1.0,
            live_runs=0,
            queued_runs=len(self.runs),
        )

    def set_role(self, role: m.Role) -> None:
        """What paired devices may do from their next connection on."""
        self.paired = {d: replace(p, role=role) for d, p in self.paired.items()}


@asynccontextmanager
async def listening_agent(
    folder: Path, name: str = "box", *, opened: bool = True
) -> AsyncIterator[ListeningAgent]:
    """An agent below `folder`, whose path must be short."""
    home = folder / name
    identity = await asyncio.to_thread(load_or_create_identity, home / "identity")
    agent = ListeningAgent(home, identity, name)
    if opened:
        await agent.open()
    try:
        yield agent
    finally:
        await agent.close()
        # The threads of `asyncio.to_thread` would outlive the test by a moment.
        await asyncio.get_running_loop().shutdown_default_executor()
