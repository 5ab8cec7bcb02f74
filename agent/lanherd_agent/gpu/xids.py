"""The Xids of one GPU or MIG instance, as events: they are counted, since a code that is told again
is news. Pure.

It is part of the probe child, which imports nothing of Lanherd's protocol: plain values with the
names of `GpuReading`.
"""

from typing import Any

XIDS_KEPT = 64


class Xids:
    """What the driver has reported while this child lived."""

    def __init__(self) -> None:
        self._codes: list[int] = []
        self._total = 0

    def add(self, code: int) -> None:
        self._total += 1
        self._codes = [*self._codes, code][-XIDS_KEPT:]

    def values(self) -> dict[str, Any]:
        last = self._codes[-1] if self._codes else None
        return {"xid": last, "xids": list(self._codes), "xids_total": self._total}
