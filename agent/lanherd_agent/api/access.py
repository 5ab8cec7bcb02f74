"""Who may touch whose objects, and the audit line of a change."""

import time

from msgspec.structs import replace

from lanherd_agent.core import reasons
from lanherd_agent.persist.store import AuditEntry
from lanherd_protocol.aio.server import Caller, IncomingCall
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.methods import may
from lanherd_protocol.states import Ended, Queued, RunView
from lanherd_protocol.values import Reason


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


def shown_to(caller: Caller, view: RunView) -> RunView:
    """The run as this caller may see it: what its log shows is only for those who may read that."""
    owner = own_or_any(caller)
    return view if owner is None or owner == view.owner else without_log(view)


def without_log(view: RunView) -> RunView:
    """The run with nothing in it that was read in its log; itself, if there is nothing such."""
    state, earlier = view.state, view.earlier
    if isinstance(state, Ended | Queued) and _is_of_log(state.reason):
        state = replace(state, reason=_plain(state.reason))
    if any(_is_of_log(end.reason) for end in earlier):
        earlier = tuple(replace(end, reason=_plain(end.reason)) for end in earlier)
    if state is view.state and earlier is view.earlier:
        return view
    return replace(view, state=state, earlier=earlier)


def _is_of_log(reason: Reason) -> bool:
    return "offset" in reason.data


def _plain(reason: Reason) -> Reason:
    """How it ended, without why."""
    if not _is_of_log(reason):
        return reason
    code, signal = reason.data.get("exit_code"), reason.data.get("signal")
    if isinstance(code, int):
        return reasons.exit_code(code)
    return reasons.ended_by_signal(signal) if isinstance(signal, int) else reasons.exit_unknown()


def audit(call: IncomingCall, target: str) -> AuditEntry:
    """The audit line of a call: who, what, on what."""
    who = f"{call.caller.user} {call.caller.device or call.caller.channel}"
    return AuditEntry(at=time.time(), who=who, action=call.method.name, target=target)
