"""Pairing through the agent's Unix socket: who may open it is the agent's own user.

The kernel proves the uid (SO_PEERCRED) before anything is read, so that the controller's
certificate and the agent's change hands without a secret.
"""

import time
from collections.abc import Callable
from typing import Protocol

from lanherd_agent.api.access import audit
from lanherd_agent.api.dispatcher import Routes
from lanherd_agent.persist.store import Device
from lanherd_agent.shell.shell import Shell
from lanherd_protocol.aio.certificate import device_of_certificate
from lanherd_protocol.aio.identity import Identity
from lanherd_protocol.aio.server import IncomingCall
from lanherd_protocol.errors import ErrorCode, Failure, error
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.limits import RUN_NAME_CHARS_MAX
from lanherd_protocol.messages import AgentStatus, PairDevice, Paired
from lanherd_protocol.methods import PAIRING_PAIR


class Doors(Protocol):
    """What pairing needs of the listener."""

    def add_anchor(self, certificate_pem: str) -> None: ...

    def disconnect(self, device: DeviceId, failure: Failure | None = None) -> int: ...


class PairingApi:
    def __init__(
        self,
        shell: Shell,
        identity: Identity,
        status: Callable[[], AgentStatus],
        doors: Callable[[], Doors],
    ) -> None:
        self._shell = shell
        self._identity = identity
        self._status = status
        self._doors = doors

    def routes(self, routes: Routes) -> None:
        routes.call(PAIRING_PAIR, self._on_pair)

    async def _on_pair(self, call: IncomingCall, request: PairDevice) -> Paired:
        if not 0 < len(request.name) <= RUN_NAME_CHARS_MAX or not request.name.isprintable():
            raise error(
                ErrorCode.INVALID_REQUEST,
                "The device has no usable name.",
                f"A name is one line of 1 to {RUN_NAME_CHARS_MAX} characters.",
                "Give the controller a name and pair again.",
                refusal="bad_device_name",
                chars_max=RUN_NAME_CHARS_MAX,
            )
        device = Device(
            device=device_of_certificate(request.certificate_pem),
            certificate_pem=request.certificate_pem,
            name=request.name,
            role=request.role,
            user=call.caller.user,
            added_at=time.time(),
        )
        before = self._shell.device(device.device)
        # First, since it may be refused; to be let through the handshake alone allows nothing.
        self._doors().add_anchor(device.certificate_pem)
        await self._shell.add_device(device, audit(call, device.device))
        if before is not None and (before.role, before.user) != (device.role, device.user):
            # Its connections still have the role that they were opened with.
            self._doors().disconnect(device.device, _PAIRED_ANEW)
        status = self._status()
        return Paired(
            machine=status.machine,
            certificate_pem=self._identity.certificate_pem,
            name=status.name,
            port=status.port,
            addresses=status.addresses,
            role=request.role,
        )


_PAIRED_ANEW = Failure(
    code=ErrorCode.CONNECTION_LOST,
    title="This device was paired anew.",
    message="It may do other things on this machine than before.",
    remedy="Lanherd connects again by itself.",
)
