"""An agent's doors: a TLS port for paired devices, a Unix socket for this machine's users."""

import asyncio
import errno
import logging
import os
import pwd
import socket
import stat
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from ssl import SSLCertVerificationError, SSLContext, SSLError

from lanherd_protocol.aio.identity import Identity
from lanherd_protocol.aio.server import Caller, Dispatcher, Grant, Serving
from lanherd_protocol.aio.tls import (
    Layer,
    PlainLayer,
    TlsLayer,
    add_anchor,
    server_context,
)
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError, error
from lanherd_protocol.handshake import NO_DEVICE
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.limits import STRANGERS_MAX
from lanherd_protocol.messages import Hello

_LOG = logging.getLogger(__name__)
_UCRED = struct.Struct("iII")
_BACKLOG = 128
_PORT_ATTEMPTS = 10
_QUIET_S = 60.0
"""Strangers at the door fill no log."""


def own_user(uid: int) -> Grant | None:
    """The agent's own user, and root, who could do everything anyway, are admins."""
    if uid not in (os.getuid(), 0):
        return None
    try:
        return Grant("admin", pwd.getpwuid(uid).pw_name)
    except KeyError:
        return Grant("admin", str(uid))


class Listener:
    """Takes connections and gives their calls to the dispatcher."""

    def __init__(self, dispatcher: Dispatcher, hello: Hello) -> None:
        """`hello` is the agent's; each caller's role is filled in."""
        self.counters: Counter[str] = Counter()
        self._dispatcher = dispatcher
        self._hello = hello
        self._context: SSLContext | None = None
        self._servers: list[asyncio.Server] = []
        self._socket_paths: list[Path] = []
        self._strangers: dict[Serving, None] = {}  # oldest first
        self._known: set[Serving] = set()
        self._finishing: set[Serving] = set()
        """Lost, but with uploads of which something is still to be read."""
        self._closing = False
        self._quiet_until = 0.0

    @property
    def callers(self) -> tuple[Caller, ...]:
        """Who is connected now."""
        return tuple(serving.caller for serving in self._known)

    async def listen_tls(
        self,
        addresses: Sequence[str],
        port: int,
        identity: Identity,
        anchors: Iterable[str],
        look_up: Callable[[DeviceId], Grant | None],
    ) -> int:
        """Listen on all addresses with one port; returns it. Where `port` is in use (or 0) the
        system picks another. `look_up` decides for every connection, whatever the anchors say.

        Raises UNREACHABLE when an address isn't this machine's, INVALID_REQUEST for an anchor.
        """
        context = self._context = server_context(identity, anchors)

        def make() -> asyncio.Protocol:
            layer = TlsLayer(context, server_side=True)

            def identify() -> Caller:
                layer.check_alpn()
                device = layer.remote_device()
                grant = look_up(device)
                if grant is None:
                    raise _not_paired()
                address = _remote_address(serving)
                return Caller(device, grant.role, grant.user, "tls", None, address)

            serving = self._take(layer, identify)
            return serving.link

        sockets = _bind_all(addresses, port)
        loop = asyncio.get_running_loop()
        for bound in sockets:
            self._servers.append(
                await loop.create_server(make, sock=bound, backlog=_BACKLOG, start_serving=True)
            )
        return int(sockets[0].getsockname()[1])

    async def listen_unix(
        self, path: Path, admit: Callable[[int], Grant | None] = own_user
    ) -> None:
        """Listen on a Unix socket that only our user can open; `admit` decides by the uid that the
        kernel tells. A socket left there by an agent that is gone is replaced.

        Raises HOME_UNUSABLE.
        """

        def make() -> asyncio.Protocol:
            def identify() -> Caller:
                uid = _remote_uid(serving)
                grant = admit(uid)
                if grant is None:
                    raise _foreign_user(uid)
                return Caller(NO_DEVICE, grant.role, grant.user, "unix", uid, str(path))

            serving = self._take(PlainLayer(), identify)
            return serving.link

        bound = _bind_unix(path)
        loop = asyncio.get_running_loop()
        self._servers.append(await loop.create_unix_server(make, sock=bound, backlog=_BACKLOG))
        self._socket_paths.append(path)

    def add_anchor(self, certificate_pem: str) -> None:
        """Let a newly paired device through the handshake, from its next connection on."""
        if self._context is not None:
            add_anchor(self._context, certificate_pem)

    def disconnect(self, device: DeviceId, failure: Failure | None = None) -> int:
        """Close all connections of a device now, as when it was revoked; returns how many."""
        chosen = [
            serving
            for serving in (*self._known, *self._strangers)
            if serving.is_identified and serving.caller.device == device
        ]
        for serving in chosen:
            serving.link.close(failure or _not_paired().failure)
        return len(chosen)

    async def close(self, failure: Failure | None = None) -> None:
        """Take no more connections, say goodbye on those there are, end what they still do."""
        self._closing = True
        for server in self._servers:
            server.close()
        open_now = [*self._known, *self._strangers]
        for serving in open_now:
            serving.link.close(failure or _SHUTTING_DOWN)
        for serving in open_now:
            await serving.tasks.close()
            await serving.link.wait_gone()
        for serving in list(self._finishing):
            await serving.tasks.close()
        for path in self._socket_paths:
            path.unlink(missing_ok=True)
        self._servers.clear()
        self._socket_paths.clear()

    def _take(self, layer: Layer, identify: Callable[[], Caller]) -> Serving:
        self.counters["accepted"] += 1
        serving = Serving(self._dispatcher, self._hello, layer, identify, self)
        if self._closing:
            serving.link.refuse()
            return serving
        if len(self._strangers) >= STRANGERS_MAX:
            self._send_one_away()
        self._strangers[serving] = None
        return serving

    def _send_one_away(self) -> None:
        """Make room for a newcomer, since a paired device is through within milliseconds: of those
        who have said nothing yet, if any, the oldest one of the address that holds most."""
        silent = [serving for serving in self._strangers if not serving.link.heard]
        chosen_from = silent or list(self._strangers)
        held = Counter(map(_address, chosen_from))
        chosen = max(chosen_from, key=lambda serving: held[_address(serving)])
        self.counters["strangers_refused"] += 1
        self._forget_stranger(chosen)
        chosen.link.refuse()

    def _forget_stranger(self, serving: Serving) -> None:
        self._strangers.pop(serving, None)

    # --- for Serving ----------------------------------------------------------------------------

    def on_hello(self, serving: Serving, hello: Hello) -> None:
        self._forget_stranger(serving)
        self._known.add(serving)
        _LOG.debug("%s connected: %r %s", serving.caller, hello.name, hello.version)

    def on_refused(
        self, serving: Serving, problem: LanherdError | SSLError | OSError | None
    ) -> None:
        self._forget_stranger(serving)
        kind = _kind_of(problem)
        self.counters[kind] += 1
        now = asyncio.get_running_loop().time()
        if kind == "not_paired" and now >= self._quiet_until:
            self._quiet_until = now + _QUIET_S
            _LOG.info(
                "A device that isn't paired was sent away: %s; %s so far, the next within %g s are "
                "not logged",
                _remote_address(serving) or "this machine",
                self.counters[kind],
                _QUIET_S,
            )
        _LOG.debug("connection refused (%s): %s", kind, problem)

    def on_unknown_frame(self, serving: Serving) -> None:
        self.counters["unknown_frames"] += 1

    def on_closed(self, serving: Serving, failure: Failure | None, by_remote: bool) -> None:
        self._forget_stranger(serving)
        self._known.discard(serving)
        self._finishing = {one for one in (*self._finishing, serving) if len(one.tasks)}
        if failure is None:
            return
        kind = failure.code.value
        if failure.code is ErrorCode.TIMED_OUT and not by_remote:
            kind = "hello_timeout"
        elif failure.code is ErrorCode.PROTOCOL_ERROR:
            kind = "protocol_errors"
        self.counters[kind] += 1
        _LOG.debug("%s closed: %s", serving.caller, failure)


def _kind_of(problem: LanherdError | SSLError | OSError | None) -> str:
    match problem:
        case LanherdError(code=ErrorCode.NOT_PAIRED) | SSLCertVerificationError():
            return "not_paired"
        case SSLError(reason="PEER_DID_NOT_RETURN_A_CERTIFICATE"):
            return "not_paired"
        case LanherdError(code=ErrorCode.PROTOCOL_ERROR):
            return "wrong_alpn"
        case SSLError():
            return "tls_failed"
        case TimeoutError():
            return "hello_timeout"
        case LanherdError():
            return problem.code.value
        case _:
            return "gone_before_hello"


def _bind_all(addresses: Sequence[str], port: int) -> list[socket.socket]:
    """One port on every address; another one when it is taken on any of them."""
    wanted = port
    for _ in range(_PORT_ATTEMPTS):
        try:
            return _bind_each(addresses, wanted)
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                raise _cannot_listen(addresses, wanted, problem) from problem
        wanted = 0
    raise _cannot_listen(addresses, port, OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE)))


def _bind_each(addresses: Sequence[str], port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for address in addresses:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            bound = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            sockets.append(bound)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if family == socket.AF_INET6:
                bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            bound.bind((address, port))
            bound.listen(_BACKLOG)
            port = bound.getsockname()[1]
    except BaseException:
        for bound in sockets:
            bound.close()
        raise
    return sockets


def _bind_unix(path: Path) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        if path.exists() and not stat.S_ISSOCK(path.stat().st_mode):
            raise _socket_unusable(path, "Something that isn't a socket has its name.")
        path.unlink(missing_ok=True)
        bound.bind(str(path))
        # Nobody can connect between these two: it doesn't listen yet.
        path.chmod(0o600)
        bound.listen(_BACKLOG)
    except OSError as problem:
        bound.close()
        raise _socket_unusable(path, f"{problem.strerror or problem}.") from problem
    except BaseException:
        bound.close()
        raise
    return bound


def _remote_uid(serving: Serving) -> int:
    found = serving.link.socket()
    if found is None:
        raise _foreign_user(-1)
    credentials = found.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    _, uid, _ = _UCRED.unpack(credentials)
    return int(uid)


def _remote_address(serving: Serving) -> str:
    found = serving.link.peer_name()
    return f"{found[0]} port {found[1]}" if isinstance(found, tuple) else ""


def _address(serving: Serving) -> str:
    found = serving.link.peer_name()
    return str(found[0]) if isinstance(found, tuple) else ""


def _cannot_listen(addresses: Sequence[str], port: int, problem: OSError) -> LanherdError:
    return error(
        ErrorCode.UNREACHABLE,
        "The agent can't listen for controllers.",
        f"{', '.join(addresses)} port {port}: {problem.strerror or problem}.",
        "Check the addresses that the agent is to listen on.",
    )


def _socket_unusable(path: Path, message: str) -> LanherdError:
    return error(
        ErrorCode.HOME_UNUSABLE,
        "The agent can't make its socket.",
        f"{path}: {message}",
        "Choose a home with a path under 90 characters, on a disk of this machine.",
        path=str(path),
    )


def _not_paired() -> LanherdError:
    return error(
        ErrorCode.NOT_PAIRED,
        "This device isn't paired with that machine.",
        "The machine doesn't know its key, or doesn't let it in any more.",
        "Pair it on that machine, with: lanherd pair",
    )


def _foreign_user(uid: int) -> LanherdError:
    return error(
        ErrorCode.NOT_ALLOWED,
        "This user may not use the agent's socket.",
        f"It belongs to another user than uid {uid}.",
        "Use it as the agent's own user, or pair a device.",
        uid=uid,
    )


_SHUTTING_DOWN = Failure(
    code=ErrorCode.SHUTTING_DOWN,
    title="The agent is shutting down.",
    message="Runs go on without it.",
    remedy="Lanherd connects again by itself when the agent is back.",
)
