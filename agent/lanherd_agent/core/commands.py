"""Commands that were asked for, so that the same one sent again has the same answer.

A request is known again by the hash of what it asks. A field without a value is left out of it, so
that one which a newer agent adds doesn't make another request of an older one.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from hashlib import sha256

from msgspec import msgpack
from msgspec.structs import asdict

from lanherd_agent.core.step import Command, MachineRequest, Request
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.ids import short_id
from lanherd_protocol.messages import StopRun


def body_hash(request: Request | MachineRequest) -> str:
    given = {name: value for name, value in asdict(request).items() if value is not None}
    return sha256(msgpack.encode([type(request).__name__, given])).hexdigest()[:32]


class Commands:
    """The newest commands, by id."""

    def __init__(self, kept: Iterable[Command], most: int) -> None:
        self._known = OrderedDict((command.command, command) for command in kept)
        self._most = most

    def __iter__(self) -> Iterator[Command]:
        return iter(self._known.values())

    def find(self, request: Request | MachineRequest) -> Command | None:
        """The same request, if it came before. Raises CONFLICT if another had its id."""
        known = self._known.get(request.command)
        if known is None or _is_same(known, request):
            return known
        raise error(
            ErrorCode.CONFLICT,
            f"Command {short_id(request.command)} was already used for something else.",
            "The same command id came with another content.",
            "Give each command an id of its own.",
            command=request.command,
        )

    def remember(self, command: Command) -> None:
        self._known[command.command] = command
        if len(self._known) > self._most:
            self._known.popitem(last=False)


def _is_same(known: Command, request: Request | MachineRequest) -> bool:
    if known.body_hash:
        return known.body_hash == body_hash(request)
    # It was remembered by an agent that knew only stops, and not what it had answered.
    return isinstance(request, StopRun) and (known.run, known.grace_s, None) == (
        request.run,
        request.grace_s,
        request.signal,
    )
