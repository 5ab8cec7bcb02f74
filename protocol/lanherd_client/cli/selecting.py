"""The runs that a verb is for: those that are named, or all of one's own with a tag or of a sweep.

Of several that were not named one by one it is said first how many they are, and asked.
"""

import asyncio
import functools
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from getpass import getuser
from typing import TYPE_CHECKING, Any

import click

from lanherd_client.cli import talk, words
from lanherd_client.cli.completion import (
    SeenRun,
    complete_sweep,
    complete_tag,
    completes_runs,
)
from lanherd_client.cli.options import machine_named, none_empty, not_empty
from lanherd_client.cli.picking import absent_machines, chosen_machines, say_absent
from lanherd_client.cli.session import answered, connected
from lanherd_client.cli.terminal import plain
from lanherd_client.listing import PAGES_MAX, RunFilters, runs_of
from lanherd_client.mirror import MachineView, Online, RunRecord
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.limits import RUN_LIST_PAGE_MAX
from lanherd_protocol.states import Ended, RunView, is_live

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet

LISTED_S = 120.0
LISTED_MAX = PAGES_MAX * RUN_LIST_PAGE_MAX


@dataclass(frozen=True, slots=True)
class Verb:
    """What is done to runs: `does` in the words of a question ('stop'), of which runs seen lately
    TAB offers those that are `offered`, and of those with a tag it is for those that are `able`.
    What is `final` can't be undone, and is asked about also where it is one run."""

    does: str
    offered: Callable[[SeenRun], bool]
    able: Callable[[RunView], bool]
    final: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """The runs that were named; or none, and what tells those that are meant."""

    texts: tuple[str, ...]
    tags: tuple[str, ...] = ()
    sweep: str | None = None
    machine: str | None = None
    yes: bool = False

    def __str__(self) -> str:
        """What they have in common."""
        tags = " and ".join(map(plain, self.tags))
        of_sweep = f"of the sweep {plain(self.sweep)}" if self.sweep is not None else ""
        of_tag = f"with the tag {tags}" if tags else ""
        return " ".join(part for part in (of_sweep, of_tag) if part)


def chosen_runs(verb: Verb) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`RUN…`, or `--tag` and `--sweep`, as the argument `chosen`."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def called(
            *,
            runs: tuple[str, ...],
            of_tags: tuple[str, ...],
            of_sweep: str | None,
            of_machine: str | None,
            yes: bool,
            **said: Any,
        ) -> Any:
            chosen = Chosen(runs, of_tags, of_sweep, of_machine, yes)
            many = bool(of_tags or of_sweep is not None)
            if many and runs:
                raise click.UsageError(
                    "Runs are named, or all of a --tag or --sweep are meant: not both at once."
                )
            if not many and not runs:
                raise click.UsageError("Name runs, or all of a tag with --tag or of a --sweep.")
            if of_machine is not None and not many:
                raise click.UsageError("--machine is for --tag and --sweep.")
            return command(chosen=chosen, **said)

        return _with_options(called, verb)

    return decorate


def _with_options(called: Callable[..., Any], verb: Verb) -> Callable[..., Any]:
    for option in reversed(
        (
            click.argument(
                "runs",
                metavar="[RUN…]",
                nargs=-1,
                shell_complete=completes_runs(verb.offered),
            ),
            click.option(
                "--tag",
                "of_tags",
                metavar="TAG",
                multiple=True,
                callback=none_empty,
                shell_complete=complete_tag,
                help="In place of RUN: all your runs with this tag; repeated: with each of them.",
            ),
            click.option(
                "--sweep",
                "of_sweep",
                metavar="NAME",
                callback=not_empty,
                shell_complete=complete_sweep,
                help="In place of RUN: all your runs of this sweep.",
            ),
            machine_named(
                "Of those of a tag or sweep only the ones on this machine.", "of_machine"
            ),
            click.option("--yes", "-y", is_flag=True, help="Don't ask."),
        )
    ):
        called = option(called)
    return called


async def select(context: click.Context, chosen: Chosen, verb: Verb) -> list[RunRecord]:
    """One's own runs of a tag or sweep for which the verb is, those that wait first. Raises
    `NOT_FOUND` where there is none at all of them, and `UNREACHABLE` where there may be some on a
    machine that can't be asked."""
    async with connected(context) as fleet:
        views = chosen_machines(fleet, chosen.machine)
        found = await asyncio.gather(*(_on(fleet, view, chosen) for view in views))
        every = [record for records in found for record in records]
        absent = [] if chosen.machine is not None else absent_machines(fleet)
        if every and absent:
            say_absent(fleet)
    if not every and absent:
        raise error(
            ErrorCode.UNREACHABLE,
            f"There is no run of yours {chosen} on a machine that is connected.",
            "There may be some where nobody can be asked now:"
            f" {', '.join(view.name for view in absent)}.",
            "See 'lanherd machines' for why, and try again.",
        )
    if not every:
        raise error(
            ErrorCode.NOT_FOUND,
            f"There is no run of yours {chosen}.",
            "Only your own are meant, on machines that are connected.",
            "See 'lanherd runs', with the same options.",
        )
    able = [record for record in every if verb.able(record.view)]
    # Those that wait first, so that none of them starts in the room that another leaves.
    return sorted(able, key=lambda record: is_live(record.view.state))


async def _on(fleet: "Fleet", machine: MachineView, chosen: Chosen) -> list[RunRecord]:
    user = machine.link.user if isinstance(machine.link, Online) else ""
    filters = RunFilters(tags=chosen.tags, owner=user or getuser())
    if chosen.sweep is not None:
        filters["group"] = chosen.sweep
    listing = runs_of(fleet, machine.machine, limit=LISTED_MAX, **filters)
    views, _ = await answered(listing, LISTED_S)
    return [RunRecord(machine.machine, view) for view in views]


def agreed(records: Sequence[RunRecord], chosen: Chosen, verb: Verb) -> bool:
    """Whether it is to be done: of more than one run it is said how many they are, and asked."""
    count = len(records)
    if chosen.yes or (count == 1 and not verb.final):
        return True
    runs = "1 run" if count == 1 else f"{count} runs"
    told = f"{runs} {chosen}: {_counted(records)}."
    if not sys.stdin.isatty():
        raise click.UsageError(f"{told} Nobody can be asked here: write --yes.")
    talk.say(told)
    return click.confirm(
        f"{verb.does.capitalize()} {'it' if count == 1 else 'all of them'}?", err=True
    )


def _counted(records: Sequence[RunRecord]) -> str:
    counts = Counter(_word(record.view) for record in records)
    return ", ".join(f"{count} {word}" for word, count in counts.items())


def _word(view: RunView) -> str:
    state = view.state
    if isinstance(state, Ended):
        return state.outcome.replace("_", " ")
    return words.state_word(state) if is_live(state) else "waiting"
