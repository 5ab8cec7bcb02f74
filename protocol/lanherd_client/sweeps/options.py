"""What a script says of a sweep, read: the runs that it would have, before any machine is asked."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from msgspec.structs import replace

from lanherd_client.choosing import MachineNames
from lanherd_client.orders import Order, RunOptions, order
from lanherd_client.sending import sendable
from lanherd_client.submitting import EnvironmentChoice, Progress
from lanherd_client.sweeps.planning import Plan, PlannedRun, plan_runs
from lanherd_client.sweeps.recipe import make_recipe
from lanherd_client.sweeps.table import Table, table_of_mappings
from lanherd_client.wishes import GpuCount
from lanherd_protocol.ids import RunId
from lanherd_protocol.values import RunGroup

Rows = Table | Iterable[Mapping[str, object]]
"""A sheet that was read, or a script's rows: a mapping of columns to values for each."""


class SweepOptions(RunOptions, total=False):
    """What may be said of a sweep beside its rows and its name.

    `command` is a sequence of words, and `variables` are names and texts; both may hold `{column}`,
    and `{{` and `}}` for braces. `gpus`, `vram`, `exclusive`, `project`, `machine`,
    `environment` and `progress` are as for `Fleet.submit`, and so are all `RunOptions`.
    What a row says itself comes first.
    """

    command: Sequence[str]
    variables: Mapping[str, str]
    gpus: GpuCount
    vram: int | str
    exclusive: bool
    project: Path | str | None
    machine: MachineNames
    environment: EnvironmentChoice
    progress: Callable[[Progress], None] | None


@dataclass(frozen=True, slots=True)
class Way:
    """How a sweep goes to its machine."""

    project: Path | str | None = None
    machine: MachineNames = None
    environment: EnvironmentChoice = "auto"
    progress: Callable[[Progress], None] | None = None


@dataclass(frozen=True, slots=True)
class SweepOrder:
    """A sweep that was read: its plan, and what all its runs have in common."""

    plan: Plan
    common: Order
    way: Way

    def order_of(self, run: PlannedRun, identifier: RunId) -> Order:
        """One of its runs, ready to be submitted."""
        spec = replace(
            self.common.spec,
            command=run.command,
            name=run.name,
            variables=dict(run.variables),
            gpus=run.gpus,
            group=RunGroup(name=self.plan.name, key=run.key),
        )
        settings = replace(self.common.settings, priority=run.priority)
        common = self.common
        return Order(identifier, spec, settings, common.secrets, common.beside, common.environment)


def sweep_order(rows: Rows, name: str, **said: Unpack[SweepOptions]) -> SweepOrder:
    """Reads a sweep. Raises `INVALID_REQUEST` that names all that is wrong in it, and what
    `lanherd_client.order` raises."""
    table = rows if isinstance(rows, Table) else table_of_mappings(rows)
    options: Any = dict(said)
    command = options.pop("command", ())
    variables = options.pop("variables", {})
    way = Way(**{word: options.pop(word) for word in Way.__slots__ if word in options})
    gpus = options.pop("gpus", 0)
    # Where each row says how many GPUs it needs, what is asked of them may be said for all.
    by_row = gpus in (0, "0") and any(column.name.casefold() == "gpus" for column in table.columns)
    common = order(command, gpus=1 if by_row else gpus, **options)
    request = replace(common.spec.gpus, count=0) if by_row else common.spec.gpus
    recipe = make_recipe(
        name, command, variables, request, common.spec.host, common.settings.priority
    )
    with sendable():
        plan = plan_runs(table, recipe)
    return SweepOrder(plan, common, way)
