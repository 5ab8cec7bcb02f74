"""TLS 1.3 with a key pinned on each side, as a layer without I/O.

Bytes from the socket go in, bytes for the socket and plain bytes come out. asyncio's own TLS is not
used for a reason: when it refuses a certificate it closes without sending the alert, so that a
device that isn't paired would learn nothing; and a layer of our own writes once per loop tick.
"""

import ssl
import threading
from collections.abc import Iterable, Iterator
from typing import Protocol, cast

from lanherd_protocol.aio.certificate import device_of_der
from lanherd_protocol.aio.identity import Identity
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.messages import ALPN

_READ_BYTES = 256 * 1024
_REFUSED_REASONS = (
    "UNKNOWN_CA",
    "CERTIFICATE_REQUIRED",
    "BAD_CERTIFICATE",
    "CERTIFICATE_UNKNOWN",
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_REVOKED",
    "ACCESS_DENIED",
)


class Layer(Protocol):
    """What stands between a socket and a connection."""

    @property
    def ready(self) -> bool:
        """Whether plain bytes can be sent."""

    def start(self) -> None:
        """Begin; afterwards `take_outgoing` may have something for the socket."""

    def receive(self, data: bytes) -> Iterator[bytes | memoryview]:
        """Plain bytes of what the socket gave; each is valid until the next is asked for."""

    def seal(self, data: bytearray) -> bytes | bytearray:
        """What the socket is to be given for plain bytes."""

    def take_outgoing(self) -> bytes:
        """What the layer itself has to say to the other side's layer."""


class PlainLayer:
    """For the Unix socket: the bytes as they are."""

    ready = True

    def start(self) -> None:
        pass

    def receive(self, data: bytes) -> Iterator[bytes | memoryview]:
        yield data

    def seal(self, data: bytearray) -> bytes | bytearray:
        return data

    def take_outgoing(self) -> bytes:
        return b""


class _Scratch(threading.local):
    """Where plain bytes are put until they were read, within one call: an idle connection shouldn't
    hold such a buffer, and two loops in two threads must not share one."""

    def __init__(self) -> None:
        self.view = memoryview(bytearray(_READ_BYTES))


_SCRATCH = _Scratch()


class TlsLayer:
    """One side of a TLS connection. `receive` raises ssl.SSLError; an alert for the other side may
    then be in `take_outgoing`.
    """

    def __init__(self, context: ssl.SSLContext, *, server_side: bool) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=server_side)
        self.ready = False

    def start(self) -> None:
        self._shake_hands()

    def receive(self, data: bytes) -> Iterator[bytes | memoryview]:
        self._incoming.write(data)
        if not self.ready:
            if not self._shake_hands():
                return
            # The owner looks at who it is before it takes the first plain bytes.
            yield b""
        scratch = _SCRATCH.view
        while count := self._fill(scratch):
            yield scratch[:count]

    def seal(self, data: bytearray) -> bytes | bytearray:
        self._tls.write(data)
        return self._outgoing.read()

    def take_outgoing(self) -> bytes:
        return self._outgoing.read()

    def check_alpn(self) -> None:
        """Raises PROTOCOL_ERROR when the other side didn't ask for Lanherd's protocol."""
        if self._tls.selected_alpn_protocol() != ALPN:
            raise error(
                ErrorCode.PROTOCOL_ERROR,
                "The other side doesn't speak Lanherd's protocol.",
                f"It did not agree to {ALPN!r} (ALPN).",
                "Check address and port.",
            )

    def remote_device(self) -> DeviceId:
        """Whose key the other side has proved to hold."""
        der = self._tls.getpeercert(binary_form=True)
        if der is None:
            raise refused_by_agent("It asks for a certificate and got none.")
        return device_of_der(der)

    def _shake_hands(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.ready = True
        return True

    def _fill(self, scratch: memoryview) -> int:
        count = 0
        while count < _READ_BYTES:
            try:
                # With a buffer it returns a count, whatever its stub says.
                got = cast(int, self._tls.read(_READ_BYTES - count, scratch[count:]))
            except ssl.SSLWantReadError:
                break
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                # The socket's own end follows and says the same.
                break
            if got == 0:
                break
            count += got
        return count


def server_context(identity: Identity, anchors: Iterable[str]) -> ssl.SSLContext:
    """For the agent's port. `anchors` are the paired devices' certificates in PEM.

    More can be added live with `add_anchor`; they can't be taken away, and so it is the look-up of
    the device's id that decides.
    """
    context = _context(ssl.PROTOCOL_TLS_SERVER, identity)
    # A resumed session would skip the certificate.
    context.num_tickets = 0
    for anchor in anchors:
        add_anchor(context, anchor)
    return context


def client_context(identity: Identity, agent_certificate_pem: str) -> ssl.SSLContext:
    """For a controller that knows the agent's certificate from pairing."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT, identity)
    add_anchor(context, agent_certificate_pem)
    return context


def add_anchor(context: ssl.SSLContext, certificate_pem: str) -> None:
    """Let the holder of this certificate's key through the handshake. Raises INVALID_REQUEST."""
    try:
        context.load_verify_locations(cadata=certificate_pem)
    except (ssl.SSLError, ValueError) as problem:
        raise error(
            ErrorCode.INVALID_REQUEST,
            "A paired device's certificate can't be read.",
            f"{problem}.",
            "Pair the device again.",
        ) from problem


def explain(problem: ssl.SSLError) -> LanherdError:
    """What a client tells the person when TLS failed."""
    reason = problem.reason or str(problem)
    if isinstance(problem, ssl.SSLCertVerificationError):
        return wrong_identity(problem.verify_message)
    if any(refused in reason for refused in _REFUSED_REASONS):
        return refused_by_agent(f"It refused this device's certificate ({reason}).")
    return error(
        ErrorCode.PROTOCOL_ERROR,
        "What listens there doesn't speak as a Lanherd agent does.",
        f"TLS failed: {reason}.",
        "Check address and port.",
    )


def wrong_identity(message: str) -> LanherdError:
    """The agent's key isn't the one that was pinned."""
    return error(
        ErrorCode.WRONG_IDENTITY,
        "That isn't the machine that was paired.",
        f"Another key answers there ({message}); nothing was sent to it.",
        "If the machine was reinstalled, pair it again. Otherwise check its address.",
    )


def refused_by_agent(message: str) -> LanherdError:
    """The agent doesn't know this device."""
    return error(
        ErrorCode.NOT_PAIRED,
        "This device isn't paired with that machine.",
        message,
        "Pair it on that machine, with: lanherd pair",
    )


def _context(protocol: int, identity: Identity) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # Who answers is told by the pinned key; addresses change and name nobody.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols([ALPN])
    context.load_cert_chain(identity.certificate_path, identity.key_path)
    return context
