"""`lanherd snapshots`: what was pushed to machines, and what is kept of it."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lanherd_client.choosing import require_online
from lanherd_client.cli import talk, words
from lanherd_client.cli.completion import complete_project
from lanherd_client.cli.options import (
    Duration,
    json_option,
    machine_option,
    none_empty,
    not_empty,
    one_machine_option,
)
from lanherd_client.cli.picking import chosen_machines, one_machine, say_absent, say_none_paired
from lanherd_client.cli.seen_snapshots import complete_snapshot, remember_snapshots
from lanherd_client.cli.session import answered, complete, connected, home_of, now
from lanherd_client.cli.shapes import Object
from lanherd_client.cli.snapshot_shapes import (
    collected_shape,
    snapshot_shape,
    verified_shape,
)
from lanherd_client.cli.terminal import plain
from lanherd_client.mirror import MachineView
from lanherd_client.sizes import format_size
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import short_id
from lanherd_protocol.limits import SNAPSHOT_UNUSED_S_MAX
from lanherd_protocol.snapshot_messages import SnapshotList, SnapshotsVerified, SnapshotView

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet
    from lanherd_client.snapshot_calls import VerifyProgress

Command = TypeVar("Command", bound=Callable[..., Any])

COLLECT_S = 3600.0
"""A store of a million blobs on a slow disk takes its time."""
PREFIX_CHARS_MIN = 4
_COLUMNS = (
    talk.Column("SNAPSHOT", whole=True),
    talk.Column("PROJECT"),
    talk.Column("MACHINE"),
    talk.Column("FILES", right=True),
    talk.Column("SIZE", right=True),
    talk.Column("AGE", right=True),
    talk.Column("USED", right=True),
    talk.Column("RUNS", right=True),
    talk.Column("NOTE"),
)


@dataclass(frozen=True, slots=True)
class _There:
    """A snapshot, and where it is."""

    machine: MachineView
    view: SnapshotView


def _snapshot_argument(*, required: bool = True) -> Callable[[Command], Command]:
    return click.argument(
        "snapshot",
        metavar="SNAPSHOT" if required else "[SNAPSHOT]",
        required=required,
        callback=not_empty,
        shell_complete=complete_snapshot,
    )


@click.group("snapshots")
def snapshots_command() -> None:
    """See and tidy what was pushed to machines.

    A snapshot is a project as it was when it was pushed or a run was made of it. Machines remove by
    themselves what no run needs and nobody used for a week; a pinned one stays. Everybody sees his
    own.
    """


@snapshots_command.command("list")
@machine_option
@click.option(
    "--project",
    default="",
    metavar="NAME",
    shell_complete=complete_project,
    help="Only those of this project.",
)
@json_option
@click.pass_context
def list_command(context: click.Context, machine: str | None, project: str, as_json: bool) -> None:
    """List what you have pushed, the most recently used first."""
    complete(_list(context, machine, project, as_json))


async def _list(context: click.Context, machine: str | None, project: str, as_json: bool) -> None:
    async with connected(context) as fleet:
        if machine is None and not fleet.machines():
            if as_json:
                talk.put_json([])
            else:
                say_none_paired(fleet)
            return
        views = chosen_machines(fleet, machine)
        found: list[_There] = []
        totals: list[tuple[MachineView, SnapshotList]] = []
        for view in views:
            there, page = await _all_of(fleet, view, project)
            found += there
            totals.append((view, page))
        found.sort(key=lambda one: -one.view.used_at)
        remember_snapshots(home_of(context), [one.view for one in found])
        if as_json:
            talk.put_json([snapshot_shape(one.machine, one.view) for one in found])
        elif found:
            at = now()
            talk.put_table(_COLUMNS, [_row(one, at) for one in found])
            for view, page in totals:
                talk.say(
                    f"On {plain(view.name)} your projects take {format_size(page.store_bytes)} in"
                    f" {page.blobs} parts, each kept once."
                )
        else:
            _say_nothing_there(views, project)
        if machine is None:
            say_absent(fleet)


def _say_nothing_there(views: Sequence[MachineView], project: str) -> None:
    where = ", ".join(plain(view.name) for view in views)
    if project:
        talk.say(f"You have pushed no project {plain(project)} to {where}.")
        talk.say("  'lanherd snapshots list' shows those of all projects.")
    else:
        talk.say(f"You have pushed nothing to {where}, or it was removed since.")
        talk.say("  'lanherd push' brings a project there, and so does a run with --project.")


def _row(one: _There, at: float) -> Sequence[str]:
    view = one.view
    return (
        short_id(view.snapshot),
        view.project or "–",
        one.machine.name,
        str(view.files),
        format_size(view.bytes_total),
        words.duration(at - view.created_at),
        words.duration(at - view.used_at),
        str(view.runs) if view.runs else "",
        _pin_text(view),
    )


def _pin_text(view: SnapshotView) -> str:
    if not view.pinned:
        return ""
    return f"pinned: {view.pin_note}" if view.pin_note else "pinned"


@snapshots_command.command("show")
@_snapshot_argument()
@machine_option
@json_option
@click.pass_context
def show_command(context: click.Context, snapshot: str, machine: str | None, as_json: bool) -> None:
    """Show one snapshot, on each machine that has it."""
    complete(_show(context, snapshot, machine, as_json))


async def _show(context: click.Context, snapshot: str, machine: str | None, as_json: bool) -> None:
    async with connected(context) as fleet:
        found = await _find(fleet, snapshot, machine)
        if as_json:
            talk.put_json([snapshot_shape(one.machine, one.view) for one in found])
            return
        for one in found:
            _put_one(one)


def _put_one(one: _There) -> None:
    view = one.view
    needs = "1 run needs it" if view.runs == 1 else f"{view.runs} runs need it"
    talk.put_line(view.snapshot)
    talk.put_fields(
        (
            ("project", view.project),
            ("machine", one.machine.name),
            ("files", f"{view.files}, {format_size(view.bytes_total)}"),
            ("pushed", words.moment(view.created_at)),
            ("last used", words.moment(view.used_at)),
            ("needed", needs if view.runs else "by no run that waits or is live"),
            ("kept", _pin_text(view)),
        )
    )


@snapshots_command.command("pin")
@_snapshot_argument()
@click.option("--note", default="", metavar="TEXT", help="Why it is kept.")
@machine_option
@json_option
@click.pass_context
def pin_command(
    context: click.Context, snapshot: str, note: str, machine: str | None, as_json: bool
) -> None:
    """Keep a snapshot whatever its age."""
    complete(_pin(context, snapshot, machine, note, True, as_json))


@snapshots_command.command("unpin")
@_snapshot_argument()
@machine_option
@json_option
@click.pass_context
def unpin_command(
    context: click.Context, snapshot: str, machine: str | None, as_json: bool
) -> None:
    """Keep a snapshot no longer than others."""
    complete(_pin(context, snapshot, machine, "", False, as_json))


async def _pin(
    context: click.Context,
    snapshot: str,
    machine: str | None,
    note: str,
    pinned: bool,
    as_json: bool,
) -> None:
    async with connected(context) as fleet:
        changed: list[_There] = []
        for one in await _find(fleet, snapshot, machine):
            pinning = fleet.pin_snapshot(
                one.machine.machine, one.view.snapshot, note, pinned=pinned
            )
            changed.append(_There(one.machine, await answered(pinning)))
        if as_json:
            talk.put_json([snapshot_shape(one.machine, one.view) for one in changed])
            return
        for one in changed:
            how = "is pinned" if pinned else "is pinned no longer"
            talk.say(f"{short_id(one.view.snapshot)} {how} on {plain(one.machine.name)}.")


@snapshots_command.command("remove")
@click.argument(
    "snapshots",
    metavar="SNAPSHOT…",
    nargs=-1,
    required=True,
    callback=none_empty,
    shell_complete=complete_snapshot,
)
@machine_option
@json_option
@click.pass_context
def remove_command(
    context: click.Context, snapshots: tuple[str, ...], machine: str | None, as_json: bool
) -> int:
    """Remove snapshots that no run of yours needs.

    The space of their files is given back by the machine within two hours, as far as no other
    snapshot has them too. Whoever pushes the project again has it again.
    """
    return complete(_remove(context, snapshots, machine, as_json))


async def _remove(
    context: click.Context, snapshots: tuple[str, ...], machine: str | None, as_json: bool
) -> int:
    async with connected(context) as fleet:
        found = [one for text in snapshots for one in await _find(fleet, text, machine)]
        removed: list[_There] = []
        code = talk.OK
        for one in {(one.machine.machine, one.view.snapshot): one for one in found}.values():
            try:
                removing = fleet.remove_snapshot(one.machine.machine, one.view.snapshot)
                await answered(removing)
                removed.append(one)
            except LanherdError as problem:
                talk.say(f"{short_id(one.view.snapshot)} on {plain(one.machine.name)} stays.")
                talk.say_failure(problem.failure)
                code = talk.exit_code(problem.code)
        if as_json:
            talk.put_json([snapshot_shape(one.machine, one.view) for one in removed])
        else:
            for one in removed:
                talk.say(f"{short_id(one.view.snapshot)} is removed on {plain(one.machine.name)}.")
        return code


@snapshots_command.command("verify")
@_snapshot_argument(required=False)
@machine_option
@json_option
@click.pass_context
def verify_command(
    context: click.Context, snapshot: str | None, machine: str | None, as_json: bool
) -> int:
    """Have machines read what you pushed, and compare it with its hashes.

    Without SNAPSHOT: all of it. What is damaged is removed, and sent anew by the next push; the
    exit code is 1 then.
    """
    return complete(_verify(context, snapshot, machine, as_json))


async def _verify(
    context: click.Context, snapshot: str | None, machine: str | None, as_json: bool
) -> int:
    async with connected(context) as fleet:
        wanted: list[tuple[MachineView, SnapshotView | None]]
        if snapshot is None:
            wanted = [(view, None) for view in chosen_machines(fleet, machine)]
        else:
            wanted = [(one.machine, one.view) for one in await _find(fleet, snapshot, machine)]
        shapes: list[Object] = []
        damaged = 0
        for where, view in wanted:
            progress = _Progress(where.name)
            done = await fleet.verify_snapshots(
                where.machine, None if view is None else view.snapshot, progress.show
            )
            progress.finish()
            damaged += done.damaged_blobs + len(done.damaged_snapshots)
            shapes.append(verified_shape(where, done))
            if not as_json:
                _say_verified(where, done)
        if as_json:
            talk.put_json(list(shapes))
    return talk.FAILED if damaged else talk.OK


def _say_verified(machine: MachineView, done: SnapshotsVerified) -> None:
    name = plain(machine.name)
    if not done.blobs and not done.damaged_snapshots:
        talk.say(f"{name}: there is nothing of yours to read.")
        return
    talk.say(f"{name}: {done.blobs} parts were read, {format_size(done.bytes_read)}.")
    if not done.damaged_blobs and not done.damaged_snapshots:
        talk.say("  All are what they were when they were pushed.")
        return
    talk.say(f"  {done.damaged_blobs} were damaged, and are removed.")
    for snapshot in done.damaged_snapshots:
        talk.say(f"  {short_id(snapshot)} needs them, and is gone.")
    talk.say("  Push these projects again, and have the disk of that machine checked.")


class _Progress:
    """How far the reading is, on a terminal."""

    def __init__(self, name: str) -> None:
        self._name = plain(name)
        self._watched = sys.stderr.isatty()
        self._shown = False

    def show(self, told: "VerifyProgress") -> None:
        if self._watched:
            self._shown = True
            line = (
                f"\r{self._name}: read {told.blobs} of {told.blobs_total} parts,"
                f" {format_size(told.bytes)}   "
            )
            print(line, end="", file=sys.stderr, flush=True)

    def finish(self) -> None:
        if self._shown:
            talk.say("")


@snapshots_command.command("collect")
@click.option(
    "--age",
    "age_s",
    type=Duration(),
    default=SNAPSHOT_UNUSED_S_MAX,
    help="Remove what wasn't used for so long, such as 2d. [7d]",
)
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
@one_machine_option
@json_option
@click.pass_context
def collect_command(
    context: click.Context, age_s: float, dry_run: bool, machine: str | None, as_json: bool
) -> None:
    """Remove now, of everybody, what no run and no pin needs; for operators.

    Parts of files that were pushed within the last hour stay: a push may be under way.
    """
    complete(_collect(context, age_s, dry_run, machine, as_json))


async def _collect(
    context: click.Context, age_s: float, dry_run: bool, machine: str | None, as_json: bool
) -> None:
    async with connected(context) as fleet:
        view = one_machine(fleet, machine)
        collecting = fleet.collect_snapshots(view.machine, age_s, dry_run=dry_run)
        done = await answered(collecting, COLLECT_S)
        if as_json:
            talk.put_json(collected_shape(view, done, dry_run))
            return
        if not done.snapshots and not done.blobs:
            talk.say(f"{plain(view.name)}: there is nothing to remove.")
            return
        would = "would be removed" if dry_run else "are removed"
        talk.say(
            f"{plain(view.name)}: {done.snapshots} snapshots and {done.blobs} parts of files"
            f" {would}: {format_size(done.bytes_freed)}."
        )


# --- Finding --------------------------------------------------------------------------------------


async def _all_of(
    fleet: "Fleet", machine: MachineView, project: str = ""
) -> tuple[list[_There], SnapshotList]:
    """The person's snapshots on one machine, and the last page of them."""
    found: list[_There] = []
    after = None
    while True:
        page = await answered(fleet.list_snapshots(machine.machine, project=project, after=after))
        found += [_There(machine, view) for view in page.snapshots]
        if not page.more or not page.snapshots:
            return found, page
        after = page.snapshots[-1].snapshot


async def _find(fleet: "Fleet", text: str, machine: str | None) -> list[_There]:
    """The snapshot that begins so, on each machine that has it; at least one. Raises NOT_FOUND, and
    CONFLICT where several begin so."""
    views = chosen_machines(fleet, machine)
    found: list[_There] = []
    if len(text) >= PREFIX_CHARS_MIN:
        for view in views:
            there, _ = await _all_of(fleet, require_online(view))
            found += [one for one in there if one.view.snapshot.startswith(text.lower())]
    snapshots = sorted({one.view.snapshot for one in found})
    if len(snapshots) > 1:
        raise error(
            ErrorCode.CONFLICT,
            f"{plain(text)!r} begins {len(snapshots)} snapshots.",
            f"They are: {', '.join(map(short_id, snapshots[:8]))}.",
            "Write more of the one that you mean.",
            refusal="several_snapshots",
            snapshot=text,
            snapshots=len(snapshots),
        )
    if not snapshots:
        raise error(
            ErrorCode.NOT_FOUND,
            f"No snapshot of yours begins with {plain(text)!r}.",
            f"Looked on: {', '.join(view.name for view in views)}. Write {PREFIX_CHARS_MIN} or more"
            " characters of its beginning.",
            "See 'lanherd snapshots list'; a removed one comes back with 'lanherd push'.",
            refusal="no_such_snapshot",
            snapshot=text,
        )
    return found
