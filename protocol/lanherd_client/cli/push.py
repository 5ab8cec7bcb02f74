"""`lanherd push`."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lanherd_client.choosing import find_machines
from lanherd_client.cli import talk
from lanherd_client.cli.completion import complete_machine, remember
from lanherd_client.cli.options import NamedPath, json_option, none_empty
from lanherd_client.cli.picking import one_machine, say_none_paired
from lanherd_client.cli.project_shapes import preflight_shape, push_shape
from lanherd_client.cli.push_talk import PushesTalk
from lanherd_client.cli.session import complete, connected, home_of
from lanherd_client.cli.shapes import Json
from lanherd_client.cli.terminal import plain
from lanherd_client.mirror import MachineView
from lanherd_client.projects.preflight import Preflight
from lanherd_client.push_calls import MachinePreflight, MachinePush
from lanherd_client.sizes import format_size
from lanherd_protocol.errors import ErrorCode, LanherdError, error

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet

LEFT_OUT_SHOWN = 10
_PUSHES = (
    talk.Column("MACHINE"),
    talk.Column("SENT", right=True),
    talk.Column("BLOBS", right=True),
    talk.Column("SNAPSHOT", whole=True),
)
_MISSING = (
    talk.Column("MACHINE"),
    talk.Column("LACKS", right=True),
    talk.Column("BLOBS", right=True),
    talk.Column("NOTE"),
)
_SUSPECTS = (
    talk.Column("SUSPICIOUS"),
    talk.Column("SIZE", right=True),
    talk.Column("WHY"),
    talk.Column("RULE THAT LEAVES IT OUT"),
)
_SIZED = (talk.Column("LARGEST"), talk.Column("FILES", right=True), talk.Column("SIZE", right=True))
_LEFT_OUT = (talk.Column("STAYS AT HOME"), talk.Column("RULE"), talk.Column("FROM"))


@click.command("push")
@click.argument("folder", metavar="[FOLDER]", type=NamedPath(), default=Path())
@click.option(
    "--machine",
    "-m",
    "machines",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_machine,
    callback=none_empty,
    help="Where it shall go; may be repeated, and left out where only one machine is paired.",
)
@click.option("--all", "to_all", is_flag=True, help="To all paired machines.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Send nothing; say what would be sent, what looks like a mistake, and what stays at home.",
)
@click.option("--watch", "-w", is_flag=True, help="Push again after each change, until Ctrl+C.")
@json_option
@click.pass_context
def push_command(
    context: click.Context,
    folder: Path,
    machines: tuple[str, ...],
    to_all: bool,
    dry_run: bool,
    watch: bool,
    as_json: bool,
) -> int:
    """Bring a project's present state to machines.

    FOLDER is the current one when it is left out. Only what a machine lacks is sent; a push that
    was cut goes on where it was. 'lanherd run --project' does the same by itself before the run.

    Prints the snapshot's id. .gitignore, .lanherdignore and 'lanherd project ignore' say what stays
    at home.
    """
    if to_all and machines:
        raise click.UsageError("Say --machine NAME, or --all; not both.")
    if dry_run and watch:
        raise click.UsageError("Say --dry-run, or --watch; not both.")
    wanted = _Wanted(folder, machines, to_all)
    if dry_run:
        return complete(_dry_run(context, wanted, as_json))
    if watch:
        return complete(_watch(context, wanted, as_json))
    return complete(_push(context, wanted, as_json))


class _Wanted:
    """What goes where."""

    def __init__(self, folder: Path, machines: tuple[str, ...], to_all: bool) -> None:
        self.folder = folder
        self._machines = machines
        self._to_all = to_all

    @property
    def is_said(self) -> bool:
        """Whether machines were named."""
        return bool(self._machines or self._to_all)

    def machines(self, fleet: "Fleet") -> list[str]:
        """The ids of the machines; raises where it isn't said which are meant."""
        views: Sequence[MachineView] = fleet.machines()
        if not views:
            say_none_paired(fleet)
            raise error(
                ErrorCode.NOT_FOUND,
                "No machine is paired.",
                "A push needs a machine to go to.",
                "Pair one with 'lanherd pair'.",
                refusal="nothing_paired",
            )
        if self._machines:
            views = find_machines(views, self._machines)
        elif not self._to_all and len(views) > 1:
            raise error(
                ErrorCode.INVALID_REQUEST,
                "It isn't said which machine is meant.",
                f"Paired are: {', '.join(view.name for view in views)}.",
                "Write --machine NAME, or --all.",
            )
        elif not self._to_all:
            views = [one_machine(fleet, None)]
        return [view.machine for view in views]


# --- Once ----------------------------------------------------------------------------------------


async def _push(context: click.Context, wanted: _Wanted, as_json: bool) -> int:
    async with connected(context) as fleet:
        machines = wanted.machines(fleet)
        remember(home_of(context), fleet.machines(), fleet.runs())
        pushes, seconds = await _pushed(fleet, wanted.folder, machines)
        if as_json:
            talk.put_json([push_shape(one, seconds) for one in pushes])
        else:
            _put(pushes, seconds)
        return _code(pushes, as_json)


async def _pushed(
    fleet: "Fleet", folder: Path, machines: Sequence[str]
) -> tuple[tuple[MachinePush, ...], float]:
    progress = PushesTalk()
    began = time.perf_counter()
    try:
        pushes = await fleet.push(folder, machines, progress=progress)
    except asyncio.CancelledError:
        progress.end_line()
        talk.say("\nThe push was given up. What was sent is kept, and not sent again.")
        raise
    finally:
        progress.end_line()
    return pushes, time.perf_counter() - began


def _put(pushes: Sequence[MachinePush], seconds: float) -> None:
    done = [(one, one.result) for one in pushes if one.result is not None]
    if len(pushes) == 1:
        for one, result in done:
            talk.say(_sentence(one, seconds))
            talk.put_line(result.snapshot)
        return
    if done:
        talk.put_table(
            _PUSHES,
            [
                (
                    one.machine_name,
                    format_size(result.sent_bytes),
                    str(result.sent_blobs),
                    result.snapshot,
                )
                for one, result in done
            ],
        )


def _sentence(one: MachinePush, seconds: float) -> str:
    """What was sent, for one machine that has it."""
    result = one.result
    if result is None:
        return f"{plain(one.machine_name)} doesn't have it."
    size = format_size(result.bytes_total)
    has = f"{plain(one.machine_name)} has it: {_count(result.files, 'file')}, {size}."
    if not result.sent_bytes:
        return f"{has} Nothing had to be sent ({seconds:.2f} s)."
    sent = format_size(result.sent_bytes)
    return f"{has} Sent {_count(result.sent_blobs, 'blob')}, {sent}, in {seconds:.2f} s."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _code(pushes: Sequence[MachinePush], as_json: bool) -> int:
    """The exit code, after what stood in the way has been said: that of the only machine, else 1
    where any failed."""
    problems = [(one, one.problem) for one in pushes if one.problem is not None]
    for one, problem in problems:
        if len(pushes) > 1:
            talk.say(f"{plain(one.machine_name)}:")
        talk.say_failure(problem.failure)
    if not problems:
        return talk.OK
    return talk.exit_code(problems[0][1].code) if len(pushes) == 1 else talk.FAILED


# --- Dry -----------------------------------------------------------------------------------------


async def _dry_run(context: click.Context, wanted: _Wanted, as_json: bool) -> int:
    async with connected(context) as fleet:
        views = fleet.machines()
        ask = wanted.is_said or (len(views) == 1 and views[0].online)
        machines = wanted.machines(fleet) if ask else []
        look, lacks = await fleet.preflight(wanted.folder, machines or None)
        if as_json:
            talk.put_json(preflight_shape(look, lacks))
        else:
            put_preflight(look, lacks)
            if not ask and views:
                talk.say("Name machines with --machine or --all to hear what they lack.")
        return talk.OK if all(one.problem is None for one in lacks) else talk.FAILED


def put_preflight(look: Preflight, lacks: Sequence[MachinePreflight]) -> None:
    """What would be sent, for a person."""
    talk.put_fields(
        [
            ("files", str(look.files)),
            ("size", format_size(look.bytes_total)),
            ("stays at home", _count(len(look.left_out), "path")),
        ]
    )
    if lacks:
        talk.put_table(_MISSING, [_lack(one) for one in lacks])
    if look.suspects:
        talk.put_table(
            _SUSPECTS,
            [
                (one.what.path, format_size(one.what.bytes_total), one.why, one.rule)
                for one in look.suspects
            ],
        )
        talk.say("A rule is added with 'lanherd project ignore RULE'.")
    largest = [*look.largest_folders[:5], *look.largest_files[:5]]
    if largest:
        talk.put_table(
            _SIZED,
            [
                (
                    f"{one.path}/" if one.is_folder else one.path,
                    str(one.files),
                    format_size(one.bytes_total),
                )
                for one in largest
            ],
        )
    if look.left_out:
        shown = look.left_out[:LEFT_OUT_SHOWN]
        talk.put_table(
            _LEFT_OUT,
            [
                (
                    f"{one.path}/" if one.why.is_folder else one.path,
                    one.why.rule.text,
                    one.why.rule.source or "what is usual",
                )
                for one in shown
            ],
        )
        if len(look.left_out) > len(shown):
            talk.say(f"And {len(look.left_out) - len(shown)} more; --json lists them all.")


def _lack(one: MachinePreflight) -> tuple[str, str, str, str]:
    if one.problem is not None:
        return one.machine_name, "", "", one.problem.failure.title
    note = "" if one.blobs else "It has all of it."
    return one.machine_name, format_size(one.size_bytes), str(one.blobs), note


# --- Again and again -----------------------------------------------------------------------------


async def _watch(context: click.Context, wanted: _Wanted, as_json: bool) -> int:
    # It brings a library that nothing else needs.
    from lanherd_client.projects.scan_cache import ScanCache
    from lanherd_client.projects.watching import Watch

    async with connected(context) as fleet:
        following = _Following(fleet, wanted.folder, wanted.machines(fleet), as_json)
        cache = ScanCache.of(wanted.folder, home_of(context))
        try:
            await Watch(wanted.folder, cache, talk.say).run(following.push)
        except asyncio.CancelledError:
            talk.say("\nThe folder is no longer watched.")
            raise


class _Following:
    """The pushes of a folder that is watched. Only what is new is said; what goes wrong is said
    once, and the next change is pushed all the same."""

    def __init__(
        self, fleet: "Fleet", folder: Path, machines: Sequence[str], as_json: bool
    ) -> None:
        self._fleet = fleet
        self._folder = folder
        self._machines = machines
        self._as_json = as_json
        self._last: dict[str, str] = {}

    async def push(self) -> None:
        try:
            pushes, seconds = await _pushed(self._fleet, self._folder, self._machines)
        except LanherdError as problem:
            self._say(str(self._folder), problem)
            return
        if self._as_json:
            lines: list[Json] = [push_shape(one, seconds) for one in pushes if self._is_new(one)]
            if lines:
                talk.put_json_line(lines)
            return
        for one in pushes:
            if one.problem is not None:
                self._say(one.machine_name, one.problem)
            elif self._is_new(one):
                stamp = time.strftime("%H:%M:%S")
                talk.say(f"{stamp} {_sentence(one, seconds)}")

    def _is_new(self, one: MachinePush) -> bool:
        now = str(one.problem) if one.result is None else one.result.snapshot
        before, self._last[one.machine] = self._last.get(one.machine), now
        return before != now

    def _say(self, where: str, problem: LanherdError) -> None:
        text = str(problem)
        if self._last.get(where) != text:
            self._last[where] = text
            talk.say_failure(problem.failure)
