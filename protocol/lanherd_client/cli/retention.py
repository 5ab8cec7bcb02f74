"""`lanherd retention`: how long a machine keeps what ended runs have left."""

import sys
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

from lanherd_client.cli import shapes, talk
from lanherd_client.cli.completion import complete_project
from lanherd_client.cli.options import (
    Duration,
    Size,
    json_option,
    machine_option,
    one_machine_option,
)
from lanherd_client.cli.picking import chosen_machines, one_machine, say_none_paired
from lanherd_client.cli.session import answered, complete, connected
from lanherd_client.cli.terminal import plain
from lanherd_client.durations import format_duration
from lanherd_client.listing import runs_of
from lanherd_client.mirror import MachineView
from lanherd_client.sizes import format_size
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.ids import short_id
from lanherd_protocol.retention_messages import RetentionPlan, RetentionState
from lanherd_protocol.values import RetentionRule, RetentionRules

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet

NONE = "none"
_RULE_FIELDS = ("age_s_max", "runs_max", "bytes_max")
_MACHINE_FIELDS = ("free_bytes_min", "low_disk_bytes")
_TOLD_MAX = 10
_REMOVALS = (
    talk.Column("RUN", whole=True),
    talk.Column("MACHINE"),
    talk.Column("SIZE", right=True),
    talk.Column("WHY"),
)


class _Bound(click.ParamType[Any]):
    """A bound of another type, or 'none' for no bound."""

    def __init__(self, inner: click.ParamType[Any], name: str) -> None:
        self.name = name
        self._inner = inner

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == NONE:
            return NONE
        bound = self._inner.convert(value, param, ctx)
        if bound == 0:
            self.fail(
                f"{value!r} would keep nothing at all. Give a bound above zero, or 'none' for no"
                " bound; to remove what is there now, use 'lanherd remove-files'.",
                param,
                ctx,
            )
        return bound


class _LowDisk(Size):
    """A size, or 'none': 0 bytes, of which no disk has less."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        return 0 if value == NONE else super().convert(value, param, ctx)


_RULE_OPTIONS = (
    click.option(
        "--project",
        default="",
        metavar="NAME",
        shell_complete=complete_project,
        help="The rule for this project; the one for all runs when left out.",
    ),
    click.option(
        "--age",
        "age_s_max",
        type=_Bound(Duration(), "duration"),
        help="Remove the files of runs that ended longer ago, such as 30d.",
    ),
    click.option(
        "--runs",
        "runs_max",
        type=_Bound(click.IntRange(min=0), "n"),
        metavar="N",
        help="Keep the files of the newest N.",
    ),
    click.option(
        "--size",
        "bytes_max",
        type=_Bound(Size(), "size"),
        help="Keep at most so much of the newest, such as 200GB.",
    ),
    click.option("--drop", is_flag=True, help="Remove the rule instead of changing it."),
    click.option(
        "--free",
        "free_bytes_min",
        type=_Bound(Size(), "size"),
        help="Keep so much of the disk free, such as 50GB: where less is, the oldest files go,"
        " whatever the rules keep.",
    ),
    click.option(
        "--low-disk",
        "low_disk_bytes",
        type=_LowDisk(),
        help="Start no run while less of the disk is free; 'none' lets runs start however full it"
        " is. [2GB]",
    ),
)


def _rule_options(command: Any) -> Any:
    for option in reversed(_RULE_OPTIONS):
        command = option(command)
    return command


@click.group("retention")
def retention_command() -> None:
    """Say what is kept of ended runs: logs, outputs and files.

    Runs that have not ended, and pinned ones, are never touched; what a run was and how it ended
    stays known. Without rules everything is kept.
    """


@retention_command.command("show")
@machine_option
@json_option
@click.pass_context
def show_command(context: click.Context, machine: str | None, as_json: bool) -> None:
    """Show the rules, and what ended runs hold on the disk."""
    complete(_show(context, machine, as_json))


async def _show(context: click.Context, machine: str | None, as_json: bool) -> None:
    async with connected(context) as fleet:
        views = chosen_machines(fleet, machine)
        states = [(view, await answered(fleet.retention(view.machine))) for view in views]
        if as_json:
            talk.put_json([shapes.retention_shape(*one) for one in states])
        elif not fleet.machines():
            say_none_paired(fleet)
        else:
            for view, state in states:
                _put_state(view, state)


def _put_state(view: MachineView, state: RetentionState) -> None:
    rules = state.rules
    free = "" if state.free_bytes is None else format_size(state.free_bytes)
    talk.put_line(view.name)
    talk.put_fields(
        (
            ("held by ended runs", f"{format_size(state.size_bytes)} of {state.runs} runs"),
            ("free", free),
            *((_whose(rule), _bounds(rule)) for rule in rules.rules),
            ("all runs", "" if rules.rules else "everything is kept"),
            (
                "below this is free",
                ""
                if rules.free_bytes_min is None
                else f"{format_size(rules.free_bytes_min)}: the oldest go",
            ),
            (
                "no run starts below",
                format_size(rules.low_disk_bytes)
                if rules.low_disk_bytes
                else "no bound: runs start however full the disk is",
            ),
        )
    )


def _whose(rule: RetentionRule) -> str:
    return f"project {plain(rule.project)}" if rule.project else "all runs"


def _bounds(rule: RetentionRule) -> str:
    bounds = (
        f"{format_duration(rule.age_s_max)} old" if rule.age_s_max is not None else "",
        f"the newest {rule.runs_max}" if rule.runs_max is not None else "",
        format_size(rule.bytes_max) if rule.bytes_max is not None else "",
    )
    return ", ".join(bound for bound in bounds if bound) or "everything is kept"


@retention_command.command("set")
@_rule_options
@one_machine_option
@click.option("--yes", "-y", is_flag=True, help="Don't ask where files would go now.")
@json_option
@click.pass_context
def set_command(
    context: click.Context, /, machine: str | None, yes: bool, as_json: bool, **said: Any
) -> int:
    """Change the rules of a machine; what isn't said stays as it is.

    'none' removes a bound. The machine keeps to the rules by itself, from then on: where files of
    runs would go now, they are told, and it is asked first. 'lanherd retention plan' shows all of
    them without a change.
    """
    if not _says_something(said):
        raise click.UsageError("Nothing to do. Write --age, --runs, --size, --free or --low-disk.")
    if yes:
        return complete(_set(context, machine, said, as_json))
    # The person has time to read and to answer: nothing is connected meanwhile.
    plan = complete(_planned(context, machine, said))
    if plan.runs and not _agreed(plan):
        talk.say("Nothing was changed.")
        return talk.FAILED
    return complete(_set(context, machine, said, as_json))


async def _planned(
    context: click.Context, machine: str | None, said: dict[str, Any]
) -> RetentionPlan:
    """What the rules would remove at once if they were changed so."""
    async with connected(context) as fleet:
        view = one_machine(fleet, machine)
        before = await answered(fleet.retention(view.machine))
        _check_drop(said, before.rules)
        rules = changed_rules(before.rules, said)
        return await answered(fleet.plan_retention(view.machine, rules))


def _agreed(plan: RetentionPlan) -> bool:
    files = f"files of {_count(plan.runs)}, {format_size(plan.size_bytes)}"
    talk.say(f"By these rules the {files}, would go now:")
    for removal in plan.removals[:_TOLD_MAX]:
        talk.say_lines(
            f"{short_id(removal.run)}  {format_size(removal.size_bytes)}  {removal.reason.text}"
        )
    if plan.runs > _TOLD_MAX:
        talk.say(
            f"  and {_count(plan.runs - _TOLD_MAX)} more; 'lanherd retention plan' with the same"
            " options lists them."
        )
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"Nothing was changed: the {files}, would go, and nobody can be asked here. Write --yes"
            " to set the rules all the same."
        )
    return click.confirm("Set these rules, and remove them for ever?", err=True)


def _count(runs: int) -> str:
    return "1 run" if runs == 1 else f"{runs} runs"


async def _set(
    context: click.Context, machine: str | None, said: dict[str, Any], as_json: bool
) -> int:
    async with connected(context) as fleet:
        view = one_machine(fleet, machine)
        before = await answered(fleet.retention(view.machine))
        _check_drop(said, before.rules)
        rules = changed_rules(before.rules, said)
        after = await answered(fleet.set_retention(view.machine, rules))
        await _warn_of_stranger(fleet, view, said)
        if as_json:
            talk.put_json(shapes.retention_shape(view, after))
        else:
            _put_state(view, after)
    return talk.OK


def _check_drop(said: dict[str, Any], before: RetentionRules) -> None:
    """Refuses to drop what isn't there: its name is more often a slip than a wish."""
    project = said["project"]
    if not said["drop"] or any(rule.project == project for rule in before.rules):
        return
    known = ", ".join(_whose(rule) for rule in before.rules)
    raise error(
        ErrorCode.NOT_FOUND,
        f"There is no rule for {_whose(RetentionRule(project=project))} to drop.",
        f"There are rules for: {known}." if known else "There is none at all.",
        "See 'lanherd retention show'. Nothing was changed.",
    )


async def _warn_of_stranger(fleet: "Fleet", view: MachineView, said: dict[str, Any]) -> None:
    """Tells of a project without runs: that is more often a slip than a wish."""
    project = said["project"]
    if said["drop"] or not project:
        return
    runs, _ = await answered(runs_of(fleet, view.machine, project=project, limit=1))
    if not runs:
        talk.say(
            f"Warning: {plain(view.name)} knows no run of the project {plain(project)}. The rule is"
            " for those to come; 'lanherd retention set --drop --project' takes it back."
        )


@retention_command.command("plan")
@_rule_options
@one_machine_option
@json_option
@click.pass_context
def plan_command(
    context: click.Context, /, machine: str | None, as_json: bool, **said: Any
) -> None:
    """Show what would be removed now, and remove nothing.

    With options as of 'set': what would be removed if the rules were changed so.
    """
    complete(_plan(context, machine, said, as_json))


async def _plan(
    context: click.Context, machine: str | None, said: dict[str, Any], as_json: bool
) -> None:
    async with connected(context) as fleet:
        view = one_machine(fleet, machine)
        rules: RetentionRules | None = None
        if _says_something(said):
            before = await answered(fleet.retention(view.machine))
            rules = changed_rules(before.rules, said)
        plan = await answered(fleet.plan_retention(view.machine, rules))
        _put_plan(view, plan, "would be removed", as_json)


@retention_command.command("apply")
@one_machine_option
@json_option
@click.pass_context
def apply_command(context: click.Context, machine: str | None, as_json: bool) -> None:
    """Remove now what the rules of a machine don't keep."""
    complete(_apply(context, machine, as_json))


async def _apply(context: click.Context, machine: str | None, as_json: bool) -> None:
    async with connected(context) as fleet:
        view = one_machine(fleet, machine)
        plan = await answered(fleet.apply_retention(view.machine))
        _put_plan(view, plan, "are removed", as_json)


def _put_plan(view: MachineView, plan: RetentionPlan, did: str, as_json: bool) -> None:
    if as_json:
        talk.put_json(shapes.plan_shape(view, plan))
        return
    if plan.removals:
        talk.put_table(
            _REMOVALS,
            [
                (
                    short_id(removal.run),
                    view.name,
                    format_size(removal.size_bytes),
                    removal.reason.text,
                )
                for removal in plan.removals
            ],
        )
    talk.say(f"The files of {_count(plan.runs)} {did}: {format_size(plan.size_bytes)}.")
    if plan.truncated:
        talk.say("There are more than are listed.")


def _says_something(said: dict[str, Any]) -> bool:
    fields = (*_RULE_FIELDS, *_MACHINE_FIELDS)
    return bool(said["drop"]) or any(said[name] is not None for name in fields)


def changed_rules(rules: RetentionRules, said: dict[str, Any]) -> RetentionRules:
    """The rules with what was said changed in them."""
    project = said["project"]
    others = tuple(rule for rule in rules.rules if rule.project != project)
    known = [rule for rule in rules.rules if rule.project == project]
    rule = replace(
        known[0] if known else RetentionRule(project=project), **_said(said, _RULE_FIELDS)
    )
    bounded = not said["drop"] and any(getattr(rule, name) is not None for name in _RULE_FIELDS)
    return replace(
        rules, rules=(*others, rule) if bounded else others, **_said(said, _MACHINE_FIELDS)
    )


def _said(said: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {
        name: None if said[name] == NONE else said[name] for name in names if said[name] is not None
    }
