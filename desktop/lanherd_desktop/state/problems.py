"""What is wrong with a machine, in the order of its weight."""

from collections.abc import Iterable

from lanherd_client.mirror import MachineView
from lanherd_protocol.machine_messages import PauseView
from lanherd_protocol.values import Reason

_FIRST = ("low_disk",)


def machine_problems(view: MachineView) -> tuple[Reason, ...]:
    """What keeps runs from starting comes first, then as the machine tells them."""
    return tuple(sorted(view.problems, key=lambda reason: reason.code not in _FIRST))


def paused_problems(pauses: Iterable[PauseView]) -> tuple[Reason, ...]:
    """What is paused, as the runs that wait for it are told; the whole line first."""
    return tuple(map(_paused, sorted(pauses, key=lambda pause: pause.tag)))


def _paused(pause: PauseView) -> Reason:
    """In the words in which an agent tells it of a run."""
    data: dict[str, str | int | float]
    data = {"by": pause.by, "note": pause.note, "since": pause.since}
    who = f"{pause.by} paused it" if pause.by else "it is paused"
    why = f"{who} ({pause.note})." if pause.note else f"{who}."
    if not pause.tag:
        told = f"No run starts on this machine now: {why}"
        return Reason(code="paused", text=told, data=data)
    told = f"No run with the tag {pause.tag} starts here now: {why}"
    return Reason(code="paused_tag", text=told, data={"tag": pause.tag, **data})
