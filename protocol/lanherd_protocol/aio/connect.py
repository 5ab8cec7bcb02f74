"""How a controller gets to an agent."""

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path

from lanherd_protocol.aio.identity import Identity
from lanherd_protocol.aio.peer import Peer
from lanherd_protocol.aio.tasks import TaskOwner
from lanherd_protocol.aio.tls import PlainLayer, TlsLayer, client_context, wrong_identity
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.limits import CONNECT_STAGGER_S, HELLO_TIMEOUT_S
from lanherd_protocol.messages import Hello


async def connect_tls(
    addresses: Sequence[str],
    port: int,
    identity: Identity,
    agent_certificate_pem: str,
    agent: DeviceId,
    hello: Hello,
    timeout_s: float = HELLO_TIMEOUT_S,
) -> Peer:
    """Connect to the agent whose key is pinned, at whichever address answers with it first.

    Nothing is sent to anyone else. Raises UNREACHABLE, NOT_PAIRED, WRONG_IDENTITY,
    VERSION_MISMATCH, TIMED_OUT or PROTOCOL_ERROR; of several the one that says most.
    """
    context = client_context(identity, agent_certificate_pem)

    async def attempt(address: str) -> Peer:
        layer = TlsLayer(context, server_side=False)

        def check() -> None:
            layer.check_alpn()
            if (found := layer.remote_device()) != agent:
                raise wrong_identity(f"its id is {found[:12]}")

        peer = Peer(hello, layer, address, check)
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: peer.link, address, port)
            _set_no_delay(peer)
            await peer.wait_ready()
        except OSError as problem:
            raise _unreachable(f"{address} port {port}: {_reason(problem)}.") from problem
        except asyncio.CancelledError:
            peer.link.abort()
            raise
        return peer

    return await _limited(_race(addresses, attempt), timeout_s)


async def connect_unix(path: Path, hello: Hello, timeout_s: float = HELLO_TIMEOUT_S) -> Peer:
    """Connect to the agent of this machine through its socket.

    Raises UNREACHABLE, NOT_ALLOWED, VERSION_MISMATCH, TIMED_OUT or PROTOCOL_ERROR.
    """

    async def attempt() -> Peer:
        peer = Peer(hello, PlainLayer(), str(path))
        try:
            await asyncio.get_running_loop().create_unix_connection(lambda: peer.link, str(path))
            await peer.wait_ready()
        except OSError as problem:
            raise _unreachable(f"{path}: {_reason(problem)}.") from problem
        except asyncio.CancelledError:
            peer.link.abort()
            raise
        return peer

    return await _limited(attempt(), timeout_s)


async def _limited(connecting: Coroutine[None, None, Peer], timeout_s: float) -> Peer:
    try:
        async with asyncio.timeout(timeout_s):
            return await connecting
    except TimeoutError as problem:
        raise error(
            ErrorCode.TIMED_OUT,
            "The machine didn't answer in time.",
            f"No address gave an answer in {timeout_s:g} s.",
            "Check that it is on, in this network, and that no firewall is between.",
            refusal="no_address_answers",
            timeout_s=timeout_s,
        ) from problem


async def _race(
    addresses: Sequence[str], attempt: Callable[[str], Coroutine[None, None, Peer]]
) -> Peer:
    """The first that gets through; each address starts a moment after the one before.

    A machine tells of all its addresses, and some of them lead nowhere from here, or to another
    machine (a container bridge has the same address everywhere).
    """
    problems: list[LanherdError] = []
    async with TaskOwner("connect") as tasks:
        pending: set[asyncio.Task[Peer | LanherdError]] = set()
        waiting = list(addresses)
        while waiting or pending:
            if waiting:
                address = waiting.pop(0)
                pending.add(tasks.spawn(_tried(attempt(address)), address))
            done, pending = await asyncio.wait(
                pending,
                timeout=CONNECT_STAGGER_S if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            outcomes = [task.result() for task in done]
            peers = [outcome for outcome in outcomes if isinstance(outcome, Peer)]
            for surplus in peers[1:]:
                surplus.link.close()
            if peers:
                return peers[0]
            problems += [found for found in outcomes if isinstance(found, LanherdError)]
    if not problems:
        raise _unreachable("No address of it is known.")
    raise min(problems, key=_telling)


async def _tried(attempt: Coroutine[None, None, Peer]) -> Peer | LanherdError:
    """An address that leads nowhere is no failure of the whole."""
    try:
        return await attempt
    except LanherdError as problem:
        return problem


def _telling(problem: LanherdError) -> int:
    """What the right machine says comes before what another or none says."""
    order = (ErrorCode.VERSION_MISMATCH, ErrorCode.NOT_PAIRED, ErrorCode.WRONG_IDENTITY)
    if problem.code in order:
        return order.index(problem.code)
    return len(order) + (problem.code is ErrorCode.UNREACHABLE)


def _set_no_delay(peer: Peer) -> None:
    found = peer.link.socket()
    if found is not None:
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _reason(problem: OSError) -> str:
    # asyncio puts "Connect call failed" and a tuple where the system's words were.
    return os.strerror(problem.errno) if problem.errno else str(problem)


def _unreachable(message: str) -> LanherdError:
    return error(
        ErrorCode.UNREACHABLE,
        "The machine can't be reached.",
        message,
        "Check that it is on, that the agent runs there, and that this is its address and port.",
    )
