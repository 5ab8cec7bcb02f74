"""The same command twice is one change: its second answer is the first one again."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from msgspec import Struct

from lanherd_protocol.codec import encode_body
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import CommandId, is_uuid7

COMMANDS_KEPT_MAX = 1000

Reply = TypeVar("Reply", bound=Struct)


class Command(Protocol):
    """A request that changes something."""

    @property
    def command(self) -> CommandId: ...


class Once:
    """One change at a time; the last answers are kept until the agent ends."""

    def __init__(self) -> None:
        self._answers: OrderedDict[CommandId, tuple[bytes, Struct]] = OrderedDict()
        self._lock = asyncio.Lock()

    async def do(
        self, request: Command, reply: type[Reply], work: Callable[[], Awaitable[Reply]]
    ) -> Reply:
        """What `work` answers, or answered. Raises INVALID_REQUEST and CONFLICT."""
        command = request.command
        if not is_uuid7(command):
            raise _no_command(command)
        assert isinstance(request, Struct), "requests are structs"
        body = bytes(encode_body(request))
        async with self._lock:
            known = self._answers.get(command)
            if known is not None:
                if known[0] != body or not isinstance(known[1], reply):
                    raise _other_change(command)
                return known[1]
            done = await work()
            self._answers[command] = body, done
            while len(self._answers) > COMMANDS_KEPT_MAX:
                self._answers.popitem(last=False)
            return done


def _no_command(command: str) -> LanherdError:
    return error(
        ErrorCode.INVALID_REQUEST,
        f"{command[:64]!r} is no command id.",
        "",
        "Command ids are UUIDv7 in lower case.",
        refusal="bad_command_id",
        id=command[:64],
    )


def _other_change(command: str) -> LanherdError:
    return error(
        ErrorCode.CONFLICT,
        "This command has changed something else already.",
        "The same command can't be used for something else.",
        "Send it as a new command.",
        refusal="other_change",
        command=command,
    )
