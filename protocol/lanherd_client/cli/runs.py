"""`lanherd runs`."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from getpass import getuser
from typing import TYPE_CHECKING, Any, get_args

import click

from lanherd_client.cli import talk, words
from lanherd_client.cli.bulk import shape_of
from lanherd_client.cli.completion import (
    complete_project,
    complete_run_name,
    complete_sweep,
    complete_tag,
    remember,
)
from lanherd_client.cli.options import Count, json_option, machine_option, not_empty
from lanherd_client.cli.picking import chosen_machines, say_absent, say_none_paired
from lanherd_client.cli.session import answered, complete, connected, home_of, now
from lanherd_client.gpu_numbers import leased_numbers
from lanherd_client.listing import PAGES_MAX, RunFilters, runs_of
from lanherd_client.mirror import MachineView, Online, RunRecord
from lanherd_protocol.ids import RunId, short_id
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
LISTED_MAX = PAGES_MAX * RUN_LIST_PAGE_MAX
USUAL_LIMIT = 50
ALL_ANSWERED_S = 300.0
"""For all pages of a machine."""
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
    "--name",
    "prefix",
    metavar="NAME",
    callback=not_empty,
    shell_complete=complete_run_name,
    help="Only those whose name is NAME, or begins with it.",
)
@click.option(
    "--limit",
    type=Count(1, LISTED_MAX),
    metavar="N",
    help=f"At most so many, the newest; {LISTED_MAX:,} at the most. [50]",
)
@click.option("--all", "every", is_flag=True, help="All that there are.")
@click.option(
    "--after",
    metavar="RUN",
    callback=not_empty,
    help="Go on behind this run, the last of a list: older ones of its machine.",
)
@machine_option
@json_option
@click.pass_context
def runs_command(context: click.Context, /, as_json: bool, **said: Any) -> None:
    """List runs, newest first, and why one waits or failed."""
    every, limit = said.pop("every"), said.pop("limit")
    if every and limit is not None:
        raise click.UsageError("--all is without --limit.")
    chosen = _Filter(**said, limit=LISTED_MAX if every else limit or USUAL_LIMIT)
    complete(_runs(context, chosen, as_json))


@dataclass(frozen=True, slots=True)
class _Filter:
    states: tuple[str, ...]
    tags: tuple[str, ...]
    project: str | None
    sweep: str | None
    mine: bool
    prefix: str | None
    after: str | None
    machine: str | None
    limit: int

    def asked(self, machine: MachineView) -> RunFilters:
        """What the machine chooses by."""
        filters = RunFilters(states=self._names(), tags=self.tags, name_prefix=self.prefix or "")
        if not any(word == "ended" for word in self.states):
            filters["outcomes"] = tuple(one for one in _OUTCOMES if one in self.states)
        if self.project is not None:
            filters["project"] = self.project
        if self.sweep is not None:
            filters["group"] = self.sweep
        if self.mine:
            user = machine.link.user if isinstance(machine.link, Online) else ""
            filters["owner"] = user or getuser()
        if set(self.states) == {"held"}:
            filters["held"] = True
        return filters

    def _names(self) -> tuple[StateName, ...]:
        names = [
            name
            for word in self.states
            for name in _STATES.get(word, ("ended",) if word in _OUTCOMES else _STATES["waiting"])
        ]
        return tuple(dict.fromkeys(names))

    def wanted(self) -> Callable[[RunView], bool] | None:
        """What the machine can't choose by itself; None where there is nothing."""
        if "held" in self.states and len(set(self.states)) > 1:
            return lambda view: any(_is(view, word) for word in self.states)
        return None


def _is(view: RunView, word: str) -> bool:
    if word in _STATES:
        return state_name(view.state) in _STATES[word]
    if word == "held":
        return view.settings.held and not isinstance(view.state, Ended)
    return isinstance(view.state, Ended) and view.state.outcome == word


async def _of(fleet: "Fleet", chosen: _Filter) -> list[tuple[MachineView, list[RunView], bool]]:
    """The machines that are asked, the runs of each, and whether there are more."""
    before: RunId | None = None
    views = chosen_machines(fleet, chosen.machine)
    if chosen.after is not None:
        last = await answered(fleet.run(chosen.after, sole=True))
        if chosen.machine is not None and last.machine not in {view.machine for view in views}:
            raise click.UsageError(f"Run {short_id(last.id)} of --after is not on that machine.")
        before = last.id
        views = tuple(view for view in fleet.machines() if view.machine == last.machine)
    answers = await asyncio.gather(
        *(
            answered(
                runs_of(
                    fleet,
                    view.machine,
                    wanted=chosen.wanted(),
                    limit=chosen.limit,
                    before=before,
                    **chosen.asked(view),
                ),
                ALL_ANSWERED_S,
            )
            for view in views
        )
    )
    return [(view, *answer) for view, answer in zip(views, answers, strict=True)]


async def _runs(context: click.Context, chosen: _Filter, as_json: bool) -> None:
    async with connected(context) as fleet:
        answers = await _of(fleet, chosen)
        records = [RunRecord(view.machine, run) for view, runs, _ in answers for run in runs]
        if len(answers) > 1:
            # What one machine took at once stays in its machine's order, which no id tells.
            records.sort(key=lambda record: record.view.submitted_at, reverse=True)
        more = len(records) > chosen.limit or any(there_are for _, _, there_are in answers)
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
            talk.say(f"There are more: raise --limit, write --all{_or_after(records, answers)}.")
        say_absent(fleet)


def _or_after(records: Sequence[RunRecord], answers: Sequence[object]) -> str:
    """How to go on behind the last; of several machines each has a last one of its own."""
    if len(answers) > 1 or not records:
        return ""
    return f", or go on with --after {short_id(records[-1].view.run)}"


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
