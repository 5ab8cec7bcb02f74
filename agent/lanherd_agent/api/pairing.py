"""Pairing through the agent's Unix socket: who may open it is the agent's own user.

The kernel proves the uid (SO_PEERCRED) before anything is read, so that the controller's
certificate and the agent's change hands without a secret.
"""

import time
from collections.abc import Callable

from lanherd_agent.api.access import audit
from lanherd_agent.api.dispatcher import Routes
from lanherd_agent.persist.store import Device
from lanherd_agent.shell.shell import Shell
from lanherd_protocol.aio.certificate import device_of_certificate
from lanherd_protocol.aio.identity import Identity
from lanherd_protocol.aio.server import IncomingCall
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.limits import RUN_NAME_CHARS_MAX
from lanherd_protocol.messages import AgentStatus, PairDevice, Paired
from lanherd_protocol.methods import PAIRING_PAIR


class PairingApi:
    def __init__(
        self,
        shell: Shell,
        identity: Identity,
        status: Callable[[], AgentStatus],
        on_paired: Callable[[str], None],
    ) -> None:
        self._shell = shell
        self._identity = identity
        self._status = status
        self._on_paired = on_paired

    def routes(self, routes: Routes) -> None:
        routes.call(PAIRING_PAIR, self._on_pair)

    async def _on_pair(self, call: IncomingCall, request: PairDevice) -> Paired:
        if not 0 < len(request.name) <= RUN_NAME_CHARS_MAX:
            raise error(
                ErrorCode.INVALID_REQUEST,
                "The device has no usable name.",
                f"A name has 1 to {RUN_NAME_CHARS_MAX} characters.",
                "Give the controller a name and pair again.",
            )
        device = Device(
            device=device_of_certificate(request.certificate_pem),
            certificate_pem=request.certificate_pem,
            name=request.name,
            role=request.role,
            user=call.caller.user,
            added_at=time.time(),
        )
        await self._shell.add_device(device, audit(call, device.device))
        self._on_paired(request.certificate_pem)
        status = self._status()
        return Paired(
            machine=status.machine,
            certificate_pem=self._identity.certificate_pem,
            name=status.name,
            port=status.port,
            addresses=status.addresses,
            role=request.role,
        )
