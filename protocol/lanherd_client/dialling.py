"""Where to find a paired machine: what is seen now first, then where it was the last time."""

from collections.abc import Sequence

from msgspec.structs import replace

from lanherd_client.discovery import Sighting
from lanherd_client.machines import KnownMachine
from lanherd_protocol.aio.connect import connect_tls
from lanherd_protocol.aio.identity import Identity
from lanherd_protocol.aio.peer import Peer
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.messages import Hello

DIAL_TIMEOUT_S = 10.0
_ABSENT = frozenset({ErrorCode.UNREACHABLE, ErrorCode.TIMED_OUT, ErrorCode.CONNECTION_LOST})

Endpoint = tuple[tuple[str, ...], int]


def endpoints(known: KnownMachine, sightings: Sequence[Sighting]) -> tuple[Endpoint, ...]:
    """Addresses and ports to try, in order, each once."""
    seen: list[Endpoint] = [(sighting.addresses, sighting.port) for sighting in sightings]
    return tuple(dict.fromkeys([*seen, (known.addresses, known.port)]))


async def dial(
    known: KnownMachine, sightings: Sequence[Sighting], identity: Identity, hello: Hello
) -> tuple[Peer, KnownMachine]:
    """A connection to the machine, and where it was found.

    Whoever answers must hold the key that was pinned when the machine was paired; a sighting is
    only a hint. Raises the most telling failure: what an agent said before that none was there.
    """
    problems: list[LanherdError] = []
    for addresses, port in endpoints(known, sightings):
        try:
            peer = await connect_tls(
                addresses,
                port,
                identity,
                known.certificate_pem,
                known.machine,
                hello,
                timeout_s=DIAL_TIMEOUT_S,
            )
        except LanherdError as problem:
            problems.append(problem)
        else:
            return peer, replace(known, addresses=addresses, port=port)
    raise next((p for p in problems if p.code not in _ABSENT), problems[-1])
