"""Sweeps without `async`, for `lanherd_client.blocking`."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, Unpack

if TYPE_CHECKING:
    from lanherd_client.choosing import Choice
    from lanherd_client.mirror import RunRecord
    from lanherd_client.orders import Seconds
    from lanherd_client.sweeps.comparing import Comparison
    from lanherd_client.sweeps.draft import SweepDraft
    from lanherd_client.sweeps.face import SweepFleet
    from lanherd_client.sweeps.options import Rows, SweepOptions
    from lanherd_client.sweeps.planning import Plan
    from lanherd_client.sweeps.progress import SweepProgress
    from lanherd_client.sweeps.sweep import Sweep
    from lanherd_protocol.ids import DeviceId
    from lanherd_protocol.states import RunView

Result = TypeVar("Result")
Item = TypeVar("Item")


class Doing(Protocol):
    """An event loop in a thread of its own."""

    def do(self, coroutine: Coroutine[Any, Any, Result]) -> Result: ...

    def stream(self, items: AsyncIterator[Item]) -> Iterator[Item]: ...


class WaitingSweep:
    """A sweep; see `lanherd_client.sweeps.sweep.Sweep` for each verb."""

    def __init__(self, sweep: "Sweep", loop: Doing) -> None:
        self._sweep = sweep
        self._loop = loop
        self.name: str = sweep.name
        self.machines: tuple[DeviceId, ...] = sweep.machines

    def __repr__(self) -> str:
        return repr(self._sweep)

    def records(self) -> "tuple[RunRecord, ...]":
        return self._loop.do(self._sweep.records())

    def progress(self) -> "SweepProgress":
        return self._loop.do(self._sweep.progress())

    def wait(self, told: "Callable[[RunView], None] | None" = None) -> "tuple[RunView, ...]":
        return self._loop.do(self._sweep.wait(told))

    def stop(
        self, grace_s: "Seconds | None" = None, *, signal: str | None = None
    ) -> "tuple[RunView, ...]":
        return self._loop.do(self._sweep.stop(grace_s, signal=signal))


class WaitingDraft:
    """A sweep that is not sent yet; see `lanherd_client.sweeps.draft.SweepDraft`."""

    def __init__(self, draft: "SweepDraft", loop: Doing) -> None:
        self._draft = draft
        self._loop = loop

    @property
    def choice(self) -> "Choice":
        return self._draft.choice

    @property
    def comparison(self) -> "Comparison":
        return self._draft.comparison

    @property
    def plan(self) -> "Plan":
        return self._draft.plan

    def send(self) -> WaitingSweep:
        sweep, _ = self._loop.do(self._draft.send())
        return WaitingSweep(sweep, self._loop)


class WaitingSweepCalls:
    """The verbs of a fleet about sweeps; see `lanherd_client.sweeps.calls.SweepCalls`."""

    _fleet: "SweepFleet"
    _loop: Doing

    def sweep(self, rows: "Rows", *, name: str, **said: "Unpack[SweepOptions]") -> WaitingSweep:
        return self.draft_sweep(rows, name=name, **said).send()

    def draft_sweep(
        self, rows: "Rows", *, name: str, **said: "Unpack[SweepOptions]"
    ) -> WaitingDraft:
        from lanherd_client.sweeps.draft import draft_sweep
        from lanherd_client.sweeps.options import sweep_order

        order = sweep_order(rows, name, **said)
        return WaitingDraft(self._loop.do(draft_sweep(self._fleet, order)), self._loop)

    def find_sweep(self, name: str, machine: str | None = None) -> WaitingSweep:
        from lanherd_client.sweeps.sweep import find_sweep

        return WaitingSweep(self._loop.do(find_sweep(self._fleet, name, machine)), self._loop)

    def sweeps(self, machine: str | None = None) -> "tuple[SweepProgress, ...]":
        from lanherd_client.sweeps.sweep import list_sweeps

        return self._loop.do(list_sweeps(self._fleet, machine))
