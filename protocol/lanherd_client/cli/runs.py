"""`lanherd runs`."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from getpass import getuser
from typing import TYPE_CHECKING, Any, get_args

import click

from lanherd_client.cli import talk, words
from lanherd_client.cli.bulk import shape_of
from lanherd_client.cli.completion import complete_project, complete_sweep, complete_tag, remember
from lanherd_client.cli.options import Count, json_option, machine_option, not_empty
from lanherd_client.cli.picking import chosen_machines, say_none_paired
from lanherd_client.cli.session import answered, complete, connected, home_of, now
from lanherd_client.cli.terminal import plain
from lanherd_client.gpu_numbers import leased_numbers
from lanherd_client.listing import runs_of
from lanherd_client.mirror import MachineView, Online, RunRecord
from lanherd_protocol.ids import short_id
from lanherd_protocol.limits import RUN_LIST_PAGE_MAX
from lanherd_protocol.states import Ended, Outcome, RunView, StateName, lease_of, state_name
from lanherd_protocol.values import GpuRequest

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet

_STATES: dict[str, tuple[StateName, ...]] = {
    "waiting": ("queued", "preparing"),
    "live": ("starting", "running", "stopping"),
    "queued": ("queued",),
    "preparing": ("preparing",),
    "starting": ("starting",),
    "running": ("running",),
    "stopping": ("stopping",),
    "ended": ("ended",),
}
_OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
_COLUMNS = (
    talk.Column("RUN", whole=True),
    talk.Column("STATE"),
    talk.Column("NAME"),
    talk.Column("MACHINE"),
    talk.Column("GPUS"),
    talk.Column("TIME", right=True),
    talk.Column("WHY"),
)


@click.command("runs")
@click.option(
    "--state",
    "states",
    type=click.Choice([*_STATES, *_OUTCOMES, "held"]),
    multiple=True,
    metavar="STATE",
    help=f"Only in this state: {', '.join(_STATES)}, held; or ended so: {', '.join(_OUTCOMES)}. May"
    " be repeated, and then in any of them.",
)
@click.option(
    "--tag",
    "tags",
    multiple=True,
    shell_complete=complete_tag,
    help="Only with this tag; may be repeated, and then with each of them.",
)
@click.option(
    "--project",
    metavar="NAME",
    callback=not_empty,
    shell_complete=complete_project,
    help="Only of this project: the name of its folder.",
)
@click.option(
    "--sweep",
    metavar="NAME",
    callback=not_empty,
    shell_complete=complete_sweep,
    help="Only of the sweep of this name.",
)
@click.option("--mine", is_flag=True, help="Only my own.")
@click.option(
    "--limit",
    type=Count(1, RUN_LIST_PAGE_MAX),
    default=50,
    show_default=True,
    metavar="N",
    help=f"At most so many, the newest; {RUN_LIST_PAGE_MAX} at the most.",
)
@machine_option
@json_option
@click.pass_context
def runs_command(context: click.Context, /, as_json: bool, **said: Any) -> None:
    """List runs, newest first, and why one waits or failed."""
    complete(_runs(context, _Filter(**said), as_json))


@dataclass(frozen=True, slots=True)
class _Filter:
    states: tuple[str, ...]
    tags: tuple[str, ...]
    project: str | None
    sweep: str | None
    mine: bool
    limit: int
    machine: str | None

    def names(self) -> tuple[StateName, ...]:
        """The states that a machine is asked for."""
        names = [
            name
            for word in self.states
            for name in _STATES.get(word, ("ended",) if word in _OUTCOMES else _STATES["waiting"])
        ]
        return tuple(dict.fromkeys(names))

    def wanted(self, machine: MachineView) -> Callable[[RunView], bool] | None:
        """What the machine can't choose by itself; None where there is nothing."""
        user = machine.link.user if isinstance(machine.link, Online) else ""
        whole = all(word in _STATES for word in self.states)
        if whole and not (self.tags or self.project or self.sweep or self.mine):
            return None
        return lambda view: (
            (whole or any(_is(view, word) for word in self.states))
            and all(tag in view.settings.tags for tag in self.tags)
            and (self.project is None or view.spec.project == self.project)
            and (self.sweep is None or _sweep_of(view) == self.sweep)
            and (not self.mine or view.owner == (user or getuser()))
        )


def _sweep_of(view: RunView) -> str | None:
    return view.spec.group.name if view.spec.group is not None else None


def _is(view: RunView, word: str) -> bool:
    if word in _STATES:
        return state_name(view.state) in _STATES[word]
    if word == "held":
        return view.settings.held and not isinstance(view.state, Ended)
    return isinstance(view.state, Ended) and view.state.outcome == word


async def _runs(context: click.Context, chosen: _Filter, as_json: bool) -> None:
    async with connected(context) as fleet:
        views = chosen_machines(fleet, chosen.machine)
        answers = await asyncio.gather(*(answered(_of(fleet, view, chosen)) for view in views))
        records = [
            RunRecord(view.machine, run)
            for view, (runs, _) in zip(views, answers, strict=True)
            for run in runs
        ]
        records.sort(key=lambda r: (r.view.submitted_at, r.view.run), reverse=True)
        more = len(records) > chosen.limit or any(there_are for _, there_are in answers)
        del records[chosen.limit :]
        remember(home_of(context), fleet.machines(), fleet.runs())
        if as_json:
            talk.put_json([shape_of(fleet, record) for record in records])
            return
        names = {view.machine: view.name for view in fleet.machines()}
        if not names:
            say_none_paired(fleet)
            return
        if records:
            talk.put_table(_COLUMNS, [_row(record, names[record.machine]) for record in records])
        else:
            talk.say("No runs.")
        if more:
            talk.say("There are more: raise --limit to see them.")
        say_absent(fleet)


async def _of(fleet: "Fleet", view: MachineView, chosen: _Filter) -> tuple[list[RunView], bool]:
    wanted = chosen.wanted(view)
    return await runs_of(
        fleet, view.machine, states=chosen.names(), wanted=wanted, limit=chosen.limit
    )


def say_absent(fleet: "Fleet") -> None:
    """Names the machines whose runs are not among what was shown, and why."""
    absent = [view for view in fleet.machines() if not view.online]
    for view in absent:
        why = words.link_problem(view)
        talk.say(f"Without {plain(view.name)}, {words.link_word(view)}. {plain(why)}")


def _row(record: RunRecord, machine_name: str) -> Sequence[str]:
    view = record.view
    leased = leased_numbers(lease_of(view.state).gpus)
    return (
        short_id(view.run),
        words.state_word(view.state),
        view.spec.name or " ".join(view.spec.command)[:40],
        machine_name,
        f"GPU {leased}" if leased else _asked(view.spec.gpus),
        words.run_time(view, now()),
        words.reason_text(view.state),
    )


def _asked(request: GpuRequest) -> str:
    text = words.gpu_request(request)
    return f"{text} asked" if request.count else text
