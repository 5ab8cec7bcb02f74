"""Which environment a command is about, and on which machine."""

from typing import TYPE_CHECKING, NamedTuple

from lanherd_client.cli.picking import chosen_machines
from lanherd_client.cli.session import answered
from lanherd_client.mirror import MachineView
from lanherd_protocol.environment_messages import EnvironmentDetails
from lanherd_protocol.errors import ErrorCode, LanherdError, error

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet

ASK_S = 90.0
"""Sizes of many files are measured there."""
_ABSENT = (ErrorCode.NOT_FOUND, ErrorCode.VERSION_MISMATCH)


class Held(NamedTuple):
    """An environment, and the machine that has it."""

    machine: MachineView
    details: EnvironmentDetails


async def holders(fleet: "Fleet", machine: str | None, text: str) -> list[Held]:
    """The machines that have it: the one that was named, else all that are online. Raises where
    that is none."""
    views = chosen_machines(fleet, machine)
    found: list[Held] = []
    for view in views:
        try:
            asked = fleet.inspect_environment(view.machine, text)
            found.append(Held(view, await answered(asked, ASK_S)))
        except LanherdError as problem:
            if problem.code not in _ABSENT or len(views) == 1:
                raise
    if not found:
        raise error(
            ErrorCode.NOT_FOUND,
            f"No machine has an environment {text!r}.",
            f"Asked were {', '.join(view.name for view in views)}.",
            "See 'lanherd env list'.",
            refusal="environment_nowhere",
            asked=text,
        )
    return found


async def one_holder(fleet: "Fleet", machine: str | None, text: str) -> Held:
    """The only machine that has it. Raises where that is none, or several have it."""
    found = await holders(fleet, machine, text)
    if len(found) > 1:
        raise error(
            ErrorCode.INVALID_REQUEST,
            "It isn't said on which machine.",
            f"{text!r} is on {', '.join(held.machine.name for held in found)}.",
            "Write --machine NAME.",
            refusal="environment_on_several",
            asked=text,
        )
    return found[0]
