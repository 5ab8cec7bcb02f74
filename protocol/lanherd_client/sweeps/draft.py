"""A sweep before it is sent: compared with what its machine has of it already.

It is one submit, taken whole or not at all. After a cut the same sweep may be sent again: what was
taken is left out.
"""

import asyncio
from collections.abc import Sequence

from msgspec.structs import astuple

from lanherd_client.choosing import Choice, find_machines
from lanherd_client.mirror import MachineView
from lanherd_client.run import Run
from lanherd_client.suiting import needs_of, unsuited
from lanherd_client.sweeps.comparing import Comparison, compare
from lanherd_client.sweeps.face import SweepFleet
from lanherd_client.sweeps.findings import Finding, refusal
from lanherd_client.sweeps.keeping import Sent, SweepBook
from lanherd_client.sweeps.options import SweepOrder
from lanherd_client.sweeps.planning import Plan
from lanherd_client.sweeps.sweep import Sweep, group_views
from lanherd_protocol.errors import ConflictError, ErrorCode, LanherdError, error
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.values import GpuRequest


class SweepDraft:
    """What would be sent, and where to; made by `draft_sweep`, nothing is sent before `send`."""

    def __init__(
        self, fleet: SweepFleet, order: SweepOrder, choice: Choice, comparison: Comparison
    ) -> None:
        self.choice = choice
        self.comparison = comparison
        self._fleet = fleet
        self._order = order

    @property
    def plan(self) -> Plan:
        """All that the rows ask for, whether it is there already or not."""
        return self._order.plan

    async def send(self) -> tuple[Sweep, tuple[Run, ...]]:
        """Sends what is new; the sweep, and the runs that were taken now.

        What is there is looked at once more, since others may have sent some of it meanwhile.
        Raises as `Fleet.submit_many`, and `CONFLICT` while another program sends the same sweep.
        """
        machine, name = self.choice.machine, self.plan.name
        book = SweepBook(self._fleet.home)
        with book.sending(name):
            try:
                taken = await self._send(book)
            except ConflictError:
                # Ids of a submit that was cut off, which the machine took after all, with other
                # options than these: now it is seen there.
                taken = await self._send(book)
            await asyncio.to_thread(book.put, Sent(name=name, machine=machine.machine))
        return Sweep(self._fleet, name, [machine.machine]), taken

    async def _send(self, book: SweepBook) -> tuple[Run, ...]:
        machine, name = self.choice.machine, self.plan.name
        views = await group_views(self._fleet, machine, name)
        self.comparison = compare(self.plan, views)
        if not self.comparison.new:
            return ()
        kept = await asyncio.to_thread(book.load, name)
        before = kept.ids if kept is not None and kept.machine == machine.machine else {}
        ids = {
            run.key: before.get(run.key) or self._fleet.new_run_id() for run in self.comparison.new
        }
        sent = Sent(name=name, machine=machine.machine, ids=ids)
        await asyncio.to_thread(book.put, sent)
        way = self._order.way
        return await self._fleet.submit_many(
            [self._order.order_of(run, ids[run.key]) for run in self.comparison.new],
            project=way.project,
            machine=machine.machine,
            environment=way.environment,
            progress=way.progress,
        )


async def draft_sweep(fleet: SweepFleet, order: SweepOrder) -> SweepDraft:
    """Finds the machine of a sweep, and what that has of it.

    Without a machine that is named, a sweep goes where it went before, else where `Fleet.choose`
    says. Raises what that raises, and `CONFLICT` where several machines have runs of it.
    """
    choice = await _choose(fleet, order)
    views = await group_views(fleet, choice.machine, order.plan.name)
    return SweepDraft(fleet, order, choice, compare(order.plan, views))


async def _choose(fleet: SweepFleet, order: SweepOrder) -> Choice:
    said, why = order.way.machine, ""
    if not isinstance(said, str):
        machines = fleet.machines()
        allowed = find_machines(machines, said) or machines
        home = await _home(fleet, order.plan.name, allowed)
        able = _able(allowed, order)
        if home is not None:
            said, why = home.machine, "the sweep went there before"
        elif len(able) == 1:
            said, why = able[0], "only this one suits every row"
        elif able:
            said = able
    requests = [run.gpus for run in order.plan.runs] or [GpuRequest()]
    largest = max(requests, key=astuple)
    choice = fleet.choose(largest, said, order.common.beside, order.common.spec.host)
    _check_suits(choice.machine, order)
    return Choice(choice.machine, f"{choice.machine.name}: {why}.") if why else choice


def _able(allowed: Sequence[MachineView], order: SweepOrder) -> list[DeviceId]:
    """Of the machines that may be taken, those that suit every row, where not all of them do."""
    online = [machine for machine in allowed if machine.online]
    able = [machine.machine for machine in online if not _unsuited(machine, order)]
    return able if len(able) < len(online) else []


def _unsuited(machine: MachineView, order: SweepOrder) -> dict[GpuRequest, str]:
    """What the machine can never give, and why, of all that the rows ask for."""
    if machine.facts is None:
        return {}
    host = order.common.spec.host
    why = {r: unsuited(machine, needs_of(r, host)) for r in {run.gpus for run in order.plan.runs}}
    return {request: text for request, text in why.items() if text is not None}


def _check_suits(machine: MachineView, order: SweepOrder) -> None:
    """Nothing is sent unless all of it can be taken."""
    why = _unsuited(machine, order)
    findings = [
        Finding(run.place, f"{machine.name} {why[run.gpus]}.")
        for run in order.plan.runs
        if run.gpus in why
    ]
    if findings:
        remedy = "Ask for less there, or name another machine. Nothing was sent."
        raise refusal(f"{machine.name} can't run all of the sweep.", findings, remedy)


async def _home(fleet: SweepFleet, name: str, allowed: Sequence[MachineView]) -> MachineView | None:
    """The machine of these that the sweep was sent to before, as far as that can be known."""
    kept = await asyncio.to_thread(SweepBook(fleet.home).load, name)
    known = next((m for m in allowed if kept is not None and m.machine == kept.machine), None)
    if known is not None:
        return known
    online = [machine for machine in allowed if machine.online]
    views = await asyncio.gather(*(group_views(fleet, machine, name) for machine in online))
    homes = [machine for machine, runs in zip(online, views, strict=True) if runs]
    if len(homes) > 1:
        raise _several(name, homes)
    return homes[0] if homes else None


def _several(name: str, homes: Sequence[MachineView]) -> LanherdError:
    return error(
        ErrorCode.CONFLICT,
        f"Several machines have runs of the sweep {name!r}.",
        f"They are: {', '.join(machine.name for machine in homes)}.",
        "Name the one to compare with and to send to, or give the sweep another name.",
        sweep=name,
    )
