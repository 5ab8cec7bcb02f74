"""Who may touch whose objects, and the audit line of a change."""

import time

from lanherd_agent.persist.store import AuditEntry
from lanherd_protocol.aio.server import Caller, IncomingCall
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.methods import may
from lanherd_protocol.states import RunView


def own_or_any(caller: Caller) -> str | None:
    """The owner to whose objects the caller is bound; None from operator on: any."""
    return None if may(caller.role, "operator") else caller.user


def check_owner(caller: Caller, view: RunView) -> None:
    """Raise NOT_ALLOWED when the run is another user's and the caller is no operator."""
    owner = own_or_any(caller)
    if owner is not None and owner != view.owner:
        raise error(
            ErrorCode.NOT_ALLOWED,
            "This run belongs to somebody else.",
            f"It is {view.owner}'s, and this device has the role '{caller.role}'.",
            "Ask its owner, or an operator of the machine.",
            owner=view.owner,
            role=caller.role,
        )


def audit(call: IncomingCall, target: str) -> AuditEntry:
    """The audit line of a call: who, what, on what."""
    who = f"{call.caller.user} {call.caller.device or call.caller.channel}"
    return AuditEntry(at=time.time(), who=who, action=call.method.name, target=target)
