"""`lanherd rules`: what a machine's owner lets Lanherd do there."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import click
from click.shell_completion import CompletionItem
from msgspec import to_builtins

from lanherd_client.cli import shapes, talk
from lanherd_client.cli.options import json_option, machine_option, one_machine_option
from lanherd_client.cli.picking import chosen_machines, one_machine, say_none_paired
from lanherd_client.cli.session import answered, complete, connected, home_of
from lanherd_client.cli.terminal import one_line, plain
from lanherd_client.durations import format_duration
from lanherd_client.files import write_private
from lanherd_client.mirror import MachineView
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.rules_check import KEYS, RULES_BYTES_MAX, SHARE_KEYS, check_rules
from lanherd_protocol.rules_edit import apply_edit, value_said
from lanherd_protocol.rules_lines import key_path
from lanherd_protocol.rules_messages import RuleFinding, RulesState

NOTE = "#! "
"""Begins a line that tells a person who edits rules what is wrong below it; it is never sent."""
_NOTHING_SAID = {"gpus": "all", "hours": "always"}
_UNITS = {"_c": " °C", "_w": " W"}
NEW_FILE = """\
# The rules by which Lanherd may use this machine; one 'key = value' on each line. Such as:
# keep_free = 1                    # a GPU that Lanherd leaves alone
# hours = ["18:00-08:00"]          # when runs may start
# [users.ada]
# gpus_max = 2
"""


def _complete_key(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    shares = [f"{table}.NAME.{key}" for table in ("users", "tags") for key in SHARE_KEYS]
    offered = [(name, key.wants) for name, key in KEYS.items()] + [(name, "") for name in shares]
    return [
        CompletionItem(name, help=wants) for name, wants in offered if name.startswith(incomplete)
    ]


_key_argument = click.argument("key", metavar="KEY", shell_complete=_complete_key)
_file_argument = click.argument("file", metavar="FILE", type=click.File("rb"))


@click.group("rules")
def rules_command() -> None:
    """Say what Lanherd may do on a machine: its owner's rules.

    Which GPUs it may use, how many it leaves alone, when, and for whom. The rules are a TOML file
    on the machine, rules.toml in the agent's home. A broken file is kept out, and the last good one
    holds.
    """


@rules_command.command("show")
@machine_option
@json_option
@click.pass_context
def show_command(context: click.Context, machine: str | None, as_json: bool) -> None:
    """Show the rules that hold.

    And what is wrong with the file, if that is kept out.
    """
    complete(_show(context, machine, as_json))


async def _show(context: click.Context, machine: str | None, as_json: bool) -> None:
    async with connected(context) as fleet:
        views = chosen_machines(fleet, machine)
        states = [(view, await answered(fleet.rules(view.machine))) for view in views]
        if as_json:
            talk.put_json([shapes.rules_shape(*one) for one in states])
        elif not fleet.machines():
            say_none_paired(fleet)
        else:
            for view, state in states:
                _put_state(view, state)


def _put_state(view: MachineView, state: RulesState) -> None:
    defaults = to_builtins(MachineRules())
    rules = to_builtins(state.rules).items()
    said = [(name, rule_text(name, value)) for name, value in rules if value != defaults[name]]
    usual = [
        (name, f"{rule_text(name, value)} (default)")
        for name, value in rules
        if value == defaults[name]
    ]
    since = datetime.fromtimestamp(state.in_force_since).astimezone()
    talk.put_line(view.name)
    talk.put_fields(
        (
            ("hold since", since.strftime("%Y-%m-%d %H:%M:%S %Z")),
            *said,
            *usual,
        )
    )
    if state.findings:
        talk.say(f"The file on {plain(view.name)} is kept out; what holds is the last good one.")
        _say_findings("rules.toml", state.findings)


def rule_text(name: str, value: Any) -> str:
    """A rule as a person reads it: with its unit, and of users and tags a line each."""
    if isinstance(value, tuple):
        value = [*value]
    if name == "gpus" and value == []:
        return "none of them"
    if value is None or value in ({}, []):
        return _NOTHING_SAID.get(name, "none")
    if isinstance(value, dict):
        return "\n".join(f"{who}: {_share_text(share)}" for who, share in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if name.endswith("_s"):
        return format_duration(value)
    bare = name.removesuffix("_max")
    unit = next((unit for end, unit in _UNITS.items() if bare.endswith(end)), "")
    return f"{value:g}{unit}" if isinstance(value, int | float) else str(value)


def _share_text(share: dict[str, Any]) -> str:
    told = [f"{name} {value}" for name, value in share.items() if value]
    return ", ".join(told) or "no bounds"


def _value_text(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@rules_command.command("get")
@_key_argument
@one_machine_option
@json_option
@click.pass_context
def get_command(context: click.Context, key: str, machine: str | None, as_json: bool) -> None:
    """Print the value of one rule that holds.

    KEY is such as keep_free, users.ada.gpus_max or users.ada.
    """
    complete(_get(context, key, machine, as_json))


async def _get(context: click.Context, key: str, machine: str | None, as_json: bool) -> None:
    path = _path(key)
    async with connected(context) as fleet:
        view = one_machine(fleet, machine)
        state = await answered(fleet.rules(view.machine))
    value: Any = to_builtins(state.rules)
    for name in path:
        if not isinstance(value, dict) or name not in value:
            raise error(
                ErrorCode.NOT_FOUND,
                f"{view.name} has no rule {key}.",
                "Nothing by that name holds there.",
                f"Rules: {', '.join(KEYS)}, users.NAME.gpus_max and so on.",
                key=key,
            )
        value = value[name]
    if as_json:
        talk.put_json(value)
    else:
        talk.put_line(_value_text(value))


def _path(key: str) -> tuple[str, ...]:
    try:
        return key_path(key)
    except ValueError as problem:
        raise click.UsageError(str(problem)) from problem


@rules_command.command("set", context_settings={"ignore_unknown_options": True})
@_key_argument
@click.argument("value", metavar="VALUE")
@one_machine_option
@json_option
@click.pass_context
def set_command(
    context: click.Context, key: str, value: str, machine: str | None, as_json: bool
) -> None:
    """Change one rule.

    The rest of the file, with its comments, stays as it is. VALUE is TOML or plain text: 'set
    keep_free 1', 'set gpus 0,1', 'set quiet_s "5 min"', 'set users.ada.gpus_max 2'. 'none' takes
    the rule away, so that its default holds.
    """
    _path(key)
    complete(_set(context, key, value, machine, as_json))


async def _set(
    context: click.Context, key: str, said: str, machine: str | None, as_json: bool
) -> None:
    async with connected(context) as fleet:
        view = one_machine(fleet, machine)
        before = await answered(fleet.rules(view.machine))
        for finding in before.findings:
            # Its text isn't known here: the rest of it would be lost.
            if finding.code == "unreadable":
                raise _broken_already(finding.text)
        try:
            text = apply_edit(before.text, {key: value_said(key, said)})
        except ValueError as problem:
            raise _broken_already(str(problem)) from problem
        after = await answered(fleet.put_rules(view.machine, text, before.text_hash))
    _put_after(view, after, as_json)


def _broken_already(why: str) -> LanherdError:
    return error(
        ErrorCode.INVALID_REQUEST,
        "That rule can't be changed alone.",
        why,
        "Mend the file with 'lanherd rules edit', or return to the last good one with 'lanherd"
        " rules restore'.",
    )


def _put_after(view: MachineView, state: RulesState, as_json: bool) -> None:
    if as_json:
        talk.put_json(shapes.rules_shape(view, state))
    else:
        _put_state(view, state)


@rules_command.command("edit")
@one_machine_option
@click.pass_context
def edit_command(context: click.Context, machine: str | None) -> int:
    """Open the rules in $EDITOR.

    What is wrong is told there until it is mended. A file that is closed as it was opened changes
    nothing; what was refused before is kept, and the exit code is 2.
    """
    return complete(_edit(context, machine))


async def _edit(context: click.Context, machine: str | None) -> int:
    async with connected(context) as fleet:
        view = one_machine(fleet, machine)
        before = await answered(fleet.rules(view.machine))
        shown = _noted(before.text or before.last_good or "", before.findings) or NEW_FILE
        refused = ""
        while True:
            # In a thread: the connection is kept alive meanwhile.
            edited = await asyncio.to_thread(click.edit, shown, extension=".toml")
            if edited is None or edited == shown:
                talk.say("The rules are left as they are.")
                if refused:
                    _keep_draft(home_of(context), refused)
                return talk.USAGE if refused else talk.OK
            text = _without_notes(edited)
            if text == refused:
                talk.say("Nothing of it was mended: the rules are left as they are.")
                _keep_draft(home_of(context), refused)
                return talk.USAGE
            try:
                checked = await answered(fleet.check_rules(view.machine, text))
                if checked.rules is not None:
                    state = await answered(fleet.put_rules(view.machine, text, before.text_hash))
                    break
            except LanherdError:
                _keep_draft(home_of(context), text)
                raise
            _say_findings("line", checked.findings)
            refused = text
            shown = _noted(text, checked.findings)
    _put_state(view, state)
    return talk.OK


def _keep_draft(home: Path, text: str) -> None:
    draft = home / "rules-draft.toml"
    write_private(draft, text.encode())
    talk.say(f"What you wrote is kept in {plain(str(draft))}.")


def _noted(text: str, findings: Sequence[RuleFinding]) -> str:
    """The text with what is wrong above each line that it is about."""
    lines = text.splitlines()
    for finding in sorted(findings, key=lambda one: one.line, reverse=True):
        note = f"{NOTE}{one_line(finding.text)} {one_line(finding.remedy)}".rstrip()
        lines.insert(min(finding.line - 1, len(lines)), note)
    return "".join(f"{line}\n" for line in lines)


def _without_notes(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(NOTE.strip()))


def _say_findings(where: str, findings: Sequence[RuleFinding]) -> None:
    for finding in findings:
        talk.say(f"  {where}:{finding.line}: {one_line(finding.text)}")
        if finding.remedy:
            talk.say(f"      {one_line(finding.remedy)}")


@rules_command.command("check")
@_file_argument
@machine_option
@json_option
@click.pass_context
def check_command(
    context: click.Context, file: IO[bytes], machine: str | None, as_json: bool
) -> int:
    """Say whether FILE would be taken as rules.

    Nothing is changed; '-' reads standard input. With --machine that machine looks at it too, who
    knows which GPUs it has. Exit code 2 if anything is wrong.
    """
    text = _text_of(file)
    findings = check_rules(text).findings
    if machine is not None and not findings:
        findings = complete(_check(context, text, machine))
    if as_json:
        talk.put_json([*map(shapes.finding_shape, findings)])
    elif findings:
        _say_findings(plain(file.name), findings)
    else:
        talk.say("These rules can be taken.")
    return talk.USAGE if findings else talk.OK


async def _check(context: click.Context, text: str, machine: str) -> tuple[RuleFinding, ...]:
    async with connected(context) as fleet:
        view = one_machine(fleet, machine)
        return (await answered(fleet.check_rules(view.machine, text))).findings


def _text_of(file: IO[bytes]) -> str:
    data = file.read(RULES_BYTES_MAX + 1)
    if len(data) > RULES_BYTES_MAX:
        raise click.UsageError(f"{file.name} has more than {RULES_BYTES_MAX} bytes.")
    try:
        return data.decode()
    except UnicodeDecodeError as problem:
        raise click.UsageError(f"{file.name} is no UTF-8 text.") from problem


@rules_command.command("put")
@_file_argument
@one_machine_option
@json_option
@click.pass_context
def put_command(context: click.Context, file: IO[bytes], machine: str | None, as_json: bool) -> int:
    """Replace the rules of a machine with FILE.

    '-' reads standard input. Nothing is changed if anything is wrong with it.
    """
    text = _text_of(file)
    findings = check_rules(text).findings
    if findings:
        # All of them, each with its own remedy; the machine's refusal has room for one.
        talk.say("The rules can't be taken; nothing was changed.")
        _say_findings(plain(file.name), findings)
        return talk.USAGE
    complete(_put(context, text, machine, as_json))
    return talk.OK


async def _put(context: click.Context, text: str, machine: str | None, as_json: bool) -> None:
    async with connected(context) as fleet:
        view = one_machine(fleet, machine)
        state = await answered(fleet.put_rules(view.machine, text))
    _put_after(view, state, as_json)


@rules_command.command("restore")
@one_machine_option
@json_option
@click.pass_context
def restore_command(context: click.Context, machine: str | None, as_json: bool) -> None:
    """Return to the last good rules file.

    For where the one that is there is broken, or gone.
    """
    complete(_restore(context, machine, as_json))


async def _restore(context: click.Context, machine: str | None, as_json: bool) -> None:
    async with connected(context) as fleet:
        view = one_machine(fleet, machine)
        state = await answered(fleet.rules(view.machine))
        if state.last_good is None:
            raise error(
                ErrorCode.NOT_FOUND,
                f"{view.name} has no rules to return to.",
                "It never had a file that could be taken.",
                "Write one with 'lanherd rules edit'.",
            )
        if state.last_good == state.text:
            talk.say("The rules file is the last good one already.")
        else:
            put = fleet.put_rules(view.machine, state.last_good, state.text_hash)
            state = await answered(put)
    _put_after(view, state, as_json)
