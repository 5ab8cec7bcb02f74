"""What is wrong with a machine, in the order of its weight."""

from lanherd_client.mirror import MachineView
from lanherd_protocol.values import Reason

_FIRST = ("low_disk",)


def machine_problems(view: MachineView) -> tuple[Reason, ...]:
    """What keeps runs from starting comes first, then as the machine tells them."""
    return tuple(sorted(view.problems, key=lambda reason: reason.code not in _FIRST))
