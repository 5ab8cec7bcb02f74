"""`lanherd why`: one sentence, its evidence, and what to do."""

from collections.abc import Iterator

import click

from lanherd_client.cli import control_shapes, talk, words
from lanherd_client.cli.options import json_option, run_argument
from lanherd_client.cli.session import answered, complete, connected, now
from lanherd_client.cli.shapes import reason_of
from lanherd_client.sizes import format_size
from lanherd_protocol.ids import short_id
from lanherd_protocol.states import Ended, Running, RunState, RunView
from lanherd_protocol.values import Reason

_LINES = frozenset({"lines", "offset", "stream", "text"})
_EVIDENCE_MAX = 24


@click.command("why")
@run_argument
@json_option
@click.pass_context
def why_command(context: click.Context, run: str, as_json: bool) -> None:
    """Say why a run waits, or why it failed.

    With the numbers behind it, the lines of its log that show it, and what to do next.
    """
    complete(_why(context, run, as_json))


async def _why(context: click.Context, text: str, as_json: bool) -> None:
    async with connected(context) as fleet:
        run = await answered(fleet.run(text))
        view = await answered(run.refresh())
        machine = next(one for one in fleet.machines() if one.machine == run.machine)
    if as_json:
        talk.put_json(control_shapes.why_shape(machine, view))
        return
    reason = reason_of(view.state)
    talk.put_line(f"{short_id(view.run)}  {words.state_word(view.state)}")
    if reason is not None:
        _put(reason, view)
    if isinstance(view.state, Running) and view.state.warning is not None:
        _put(view.state.warning, view)
    elif reason is None:
        talk.put_fields((("why", _well(view.state)),))


def _put(reason: Reason, view: RunView) -> None:
    lines = reason.data.get("lines")
    talk.put_fields(
        (
            ("why", reason.text),
            *evidence(reason),
            ("log", lines if isinstance(lines, str) else ""),
            ("read on", _where(reason, view)),
            ("next", reason.remedy),
        )
    )


def _where(reason: Reason, view: RunView) -> str:
    """How to see the lines among the others."""
    offset = reason.data.get("offset")
    if not isinstance(offset, int):
        return ""
    err = " --stream err" if reason.data.get("stream") == "err" else ""
    return f"lanherd logs {short_id(view.run)} --attempt {view.attempt} --offset {offset}{err}"


def evidence(reason: Reason) -> Iterator[tuple[str, str]]:
    """The values of the sentence, as people say them."""
    for name, value in list(reason.data.items())[:_EVIDENCE_MAX]:
        if name in _LINES or value == "" or (name == "why" and str(value) in reason.text):
            continue
        if name.endswith("_bytes") and isinstance(value, int):
            yield name.removesuffix("_bytes").replace("_", " "), format_size(value)
        elif name.endswith("_s") and isinstance(value, int | float):
            yield name.removesuffix("_s").replace("_", " "), words.duration(value)
        elif name == "since" and isinstance(value, int | float):
            yield name, words.moment(value)
        elif name.endswith("at") and isinstance(value, float):
            yield name.replace("_", " "), f"in {words.duration(value - now())}"
        else:
            yield name.replace("_", " "), str(value)


def _well(state: RunState) -> str:
    return "It has succeeded." if isinstance(state, Ended) else "Nothing is wrong with it."
