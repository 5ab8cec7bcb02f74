"""Xids are told to the probe child that lives when they happen, and are kept for those after. Pure.

Each child counts from 0. What a child tells beyond what it told before is new; a reading that tells
of none, since the driver hangs, takes none back.
"""

from msgspec.structs import replace

from lanherd_agent.gpu.xids import XIDS_KEPT
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.values import GpuReading


class XidKeeper:
    """Every Xid since the agent was started, by GPU and MIG instance."""

    def __init__(self) -> None:
        self._codes: dict[GpuUuid, tuple[int, ...]] = {}
        self._totals: dict[GpuUuid, int] = {}
        self._told: dict[GpuUuid, int] = {}
        """By the child of now."""

    def begin_child(self) -> None:
        """Another child is asked from now on."""
        self._told.clear()

    def keep(self, reading: GpuReading) -> GpuReading:
        """The reading with all that is known."""
        uuid = reading.uuid
        new = reading.xids_total - self._told.get(uuid, 0)
        if new > 0:
            self._told[uuid] = reading.xids_total
            self._totals[uuid] = self._totals.get(uuid, 0) + new
            self._codes[uuid] = (*self._codes.get(uuid, ()), *reading.xids[-new:])[-XIDS_KEPT:]
        codes = self._codes.get(uuid, ())
        return replace(
            reading,
            xid=codes[-1] if codes else None,
            xids=codes,
            xids_total=self._totals.get(uuid, 0),
            instances=tuple(self.keep(instance) for instance in reading.instances),
        )
