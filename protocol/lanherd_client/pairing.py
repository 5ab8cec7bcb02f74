"""Pairing on one's own machine: through the agent's Unix socket.

Whoever may open that socket is the agent's own user, and whoever made it is the agent: both are
checked by the kernel, so nothing has to be confirmed. Each side keeps the other's certificate.
"""

import asyncio
import os
import stat
from collections.abc import Callable
from pathlib import Path

from lanherd_client.machines import KnownMachine
from lanherd_protocol.aio.certificate import device_of_certificate
from lanherd_protocol.aio.connect import connect_unix
from lanherd_protocol.aio.identity import Identity
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.messages import Hello, PairDevice
from lanherd_protocol.methods import PAIRING_PAIR

PAIR_TIMEOUT_S = 10.0


async def pair_through_socket(
    socket: Path, identity: Identity, hello: Hello, name: str, clock: Callable[[], float]
) -> KnownMachine:
    """Pairs this device with the agent behind a Unix socket; what to keep of it.

    `name` is what the agent calls this device. Raises `UNREACHABLE`, `NOT_ALLOWED`,
    `WRONG_IDENTITY`.
    """
    await asyncio.to_thread(_check_owner, socket)
    peer = await connect_unix(socket, hello, timeout_s=PAIR_TIMEOUT_S)
    try:
        request = PairDevice(certificate_pem=identity.certificate_pem, name=name)
        paired = await peer.call(PAIRING_PAIR, request, timeout_s=PAIR_TIMEOUT_S)
    finally:
        await peer.close()
    if device_of_certificate(paired.certificate_pem) != paired.machine:
        raise error(
            ErrorCode.WRONG_IDENTITY,
            "The agent's certificate isn't its own.",
            f"The one it gave doesn't belong to the id {paired.machine} that it claims.",
            "Don't use this machine; look at what listens on its socket.",
            socket=str(socket),
        )
    return KnownMachine(
        machine=paired.machine,
        name=paired.name,
        certificate_pem=paired.certificate_pem,
        addresses=paired.addresses,
        port=paired.port,
        role=paired.role,
        paired_by="unix",
        paired_at=clock(),
    )


def _check_owner(socket: Path) -> None:
    try:
        status = socket.stat()
    except FileNotFoundError as problem:
        raise _no_agent(socket, "There is no such file.") from problem
    except OSError as problem:
        raise _no_agent(socket, f"{problem.strerror or problem}.") from problem
    if not stat.S_ISSOCK(status.st_mode):
        raise _no_agent(socket, "It is not a socket.")
    if status.st_uid not in (os.getuid(), 0):
        raise error(
            ErrorCode.NOT_ALLOWED,
            f"The agent behind {socket} belongs to another user.",
            f"User id {status.st_uid} made the socket.",
            "Ask that user to pair you, or start an agent of your own.",
            socket=str(socket),
        )


def _no_agent(socket: Path, why: str) -> LanherdError:
    return error(
        ErrorCode.UNREACHABLE,
        f"No agent answers at {socket}.",
        why,
        "Start it with 'lanherd-agent serve', or name its socket.",
        socket=str(socket),
    )
