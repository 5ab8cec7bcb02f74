"""What an observer of a fleet is told: what to read again, never the content itself."""

from dataclasses import dataclass

from lanherd_protocol.ids import DeviceId, RunId


@dataclass(frozen=True, slots=True)
class MachineChanged:
    """A machine was added or removed, or its name, its facts or its link changed."""

    machine: DeviceId


@dataclass(frozen=True, slots=True)
class TelemetryChanged:
    """A machine sent a sample."""

    machine: DeviceId


@dataclass(frozen=True, slots=True)
class RunChanged:
    """A run came, changed or is no longer known."""

    machine: DeviceId
    run: RunId


@dataclass(frozen=True, slots=True)
class RunsChanged:
    """Any run of the machine may have changed: read them all again."""

    machine: DeviceId


@dataclass(frozen=True, slots=True)
class SightingsChanged:
    """Another set of machines is seen."""


Change = MachineChanged | TelemetryChanged | RunChanged | RunsChanged | SightingsChanged
