"""Sweeps as the fleet has them. What makes one is imported when the first is asked for."""

from typing import TYPE_CHECKING, Unpack

if TYPE_CHECKING:
    from lanherd_client.sweeps.draft import SweepDraft
    from lanherd_client.sweeps.face import SweepFleet
    from lanherd_client.sweeps.options import Rows, SweepOptions
    from lanherd_client.sweeps.progress import SweepProgress
    from lanherd_client.sweeps.sweep import Sweep


class SweepCalls:
    """The verbs of a fleet about sweeps."""

    async def sweep(
        self: "SweepFleet", rows: "Rows", *, name: str, **said: "Unpack[SweepOptions]"
    ) -> "Sweep":
        """Submits a run for each row, as one group, and returns when all are committed.

        `rows` is what `read_sheet` or `grid` gives, or any mappings of columns to values; see
        `SweepOptions` for the rest. With the same `name` again, only rows that are new are sent:
        a row is known by its command, its variables and what it asks for. Raises as `submit_many`,
        and `INVALID_REQUEST` that names all rows that can't be sent; nothing is sent then.
        """
        from lanherd_client.sweeps.draft import draft_sweep
        from lanherd_client.sweeps.options import sweep_order

        draft = await draft_sweep(self, sweep_order(rows, name, **said))
        sweep, _ = await draft.send()
        return sweep

    async def draft_sweep(
        self: "SweepFleet", rows: "Rows", *, name: str, **said: "Unpack[SweepOptions]"
    ) -> "SweepDraft":
        """What `sweep` would send, compared with what is there, to be looked at first."""
        from lanherd_client.sweeps.draft import draft_sweep
        from lanherd_client.sweeps.options import sweep_order

        return await draft_sweep(self, sweep_order(rows, name, **said))

    async def find_sweep(self: "SweepFleet", name: str, machine: str | None = None) -> "Sweep":
        """One's own sweep of that name. Raises `NotFoundError`, or `UNREACHABLE` when it may be on
        a machine that can't be asked."""
        from lanherd_client.sweeps.sweep import find_sweep

        return await find_sweep(self, name, machine)

    async def sweeps(self: "SweepFleet", machine: str | None = None) -> "tuple[SweepProgress, ...]":
        """How far one's own sweeps are, newest first, on the machines that are connected."""
        from lanherd_client.sweeps.sweep import list_sweeps

        return await list_sweeps(self, machine)
