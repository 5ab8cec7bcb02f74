"""When a machine that can't be asked was last heard: what is known of it is that old."""

from lanherd_client.mirror import MachineView, Refused, Unreachable


def silent_since(machine: MachineView | None) -> float | None:
    """Its last sample, else when the connection was lost, as Unix seconds; None while it can be
    asked, or hasn't been met yet."""
    if machine is None or not isinstance(machine.link, Unreachable | Refused):
        return None
    return machine.telemetry.at if machine.telemetry is not None else machine.link.since
