"""`lanherd logs`."""

from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import click

from lanherd_client.cli import talk, words
from lanherd_client.cli.arriving import arriving
from lanherd_client.cli.log_finds import put_matches
from lanherd_client.cli.log_moments import moment
from lanherd_client.cli.options import (
    Count,
    NamedPath,
    attempt_option,
    json_option,
    not_empty,
    run_argument,
)
from lanherd_client.cli.session import answered, complete, connected
from lanherd_client.cli.streaming import JsonLogWriter, LogWriter, told, told_link
from lanherd_client.cli.terminal import one_line
from lanherd_client.sizes import format_size
from lanherd_protocol.ids import short_id
from lanherd_protocol.limits import LOG_MATCHES_MAX
from lanherd_protocol.states import Ended, Preparing, Queued

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet
    from lanherd_client.log_reading import LogBytes, LogGap
    from lanherd_client.run import Run

    Chunks = AsyncIterator[LogBytes | LogGap] | AsyncIterator[LogBytes]

OFFSET_MAX = 1 << 62
TAIL_LINES_MAX = 10_000_000
MATCHES = 1000
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What of a log is wanted, and how."""

    follow: bool
    offset: int | None
    since: float | None
    tail: int | None
    attempt: int
    stream: Literal["out", "err"]
    build: bool
    grep: str | None
    regex: bool
    ignore_case: bool
    matches_max: int | None
    output: Path | None
    as_json: bool

    def check(self) -> None:
        """Raise UsageError for what doesn't go together."""
        begins = {"--offset": self.offset, "--since": self.since, "--tail": self.tail}
        kinds: dict[str, object] = {"--grep": self.grep, "--output": self.output}
        for group in (begins, kinds, {"--grep": self.grep, "--tail": self.tail}):
            _one_of(group)
        if self.output is not None:
            _one_of({"--output": True, **begins})
            _one_of({"--output": True, "--json": self.as_json or None})
        if self.build:
            others = {"--since": self.since, "--tail": self.tail, **kinds}
            for name, value in (*others.items(), ("--stream err", self.stream == "err" or None)):
                _one_of({"--build": True, name: value})
        if self.grep is not None:
            _one_of({"--grep": True, "--follow": self.follow or None})
        elif self.regex or self.ignore_case or self.matches_max is not None:
            raise click.UsageError("--regex, --ignore-case and --max go with --grep.")


def _one_of(options: dict[str, Any]) -> None:
    given = [name for name, value in options.items() if value is not None]
    if len(given) > 1:
        raise click.UsageError(f"{' and '.join(given)} don't go together.")


@click.command("logs")
@run_argument
@click.option(
    "--follow",
    "-f",
    is_flag=True,
    help="Go on until the attempt has ended; wait for one that hasn't started.",
)
@click.option(
    "--since",
    metavar="WHEN",
    callback=moment,
    help="Only what came since then: 10m or 2h (ago), 12:30, or '2026-11-21 12:30'.",
)
@click.option("--tail", type=Count(0, TAIL_LINES_MAX), metavar="N", help="Only the last N lines.")
@click.option(
    "--offset", type=Count(0, OFFSET_MAX), metavar="N", help="Begin at this byte of the log."
)
@attempt_option
@click.option(
    "--stream",
    type=click.Choice(["out", "err"]),
    default="out",
    help="err: what went to stderr, of a run with --split-log. [out]",
)
@click.option("--build", is_flag=True, help="The log of the build of its environment instead.")
@click.option("--grep", metavar="TEXT", callback=not_empty, help="Only lines with this text in.")
@click.option("--regex", "-E", is_flag=True, help="The text is a regular expression.")
@click.option("--ignore-case", "-i", is_flag=True, help="Small and capital letters are the same.")
@click.option(
    "--max",
    "matches_max",
    type=Count(1, LOG_MATCHES_MAX),
    metavar="N",
    help=f"At most so many lines that match. [{MATCHES}]",
)
@click.option(
    "--output",
    "-o",
    type=NamedPath(),
    help="Save it in this file instead of printing it. Where a part of it is there already, only"
    " the rest is brought.",
)
@json_option
@click.pass_context
def logs_command(context: click.Context, /, run: str, **options: Any) -> None:
    """Print, search or save what a run has written.

    With --grep the machine does the searching: of a log of 10 GB only the lines that match come
    here.
    """
    wish = Wish(**{**options, "attempt": options["attempt"] or 0})
    wish.check()
    complete(_logs(context, run, wish))


async def _logs(context: click.Context, text: str, wish: Wish) -> None:
    async with connected(context) as fleet:
        run = await answered(fleet.run(text))
        if wish.grep is not None:
            await _search(fleet, run, wish, wish.grep)
        elif wish.output is not None:
            await _save(fleet, run, wish, wish.output)
        else:
            await _print(fleet, run, wish)


async def _print(fleet: "Fleet", run: "Run", wish: Wish) -> None:
    attempt, offset = await answered(_begin(run, wish))
    chunks = run.logs(
        offset,
        attempt=attempt,
        source="build" if wish.build else "run",
        stream=wish.stream,
        follow=wish.follow,
    )
    if not wish.follow:
        if not await copy_log(_in_time(chunks), wish.as_json):
            await _say_why_nothing(run, wish)
        return
    # Said first: whoever follows it would wait in silence until the run ends.
    known = await _said_missing(run, wish)
    written = await told(fleet, run, copy_log(chunks, wish.as_json))
    if not known and not await _said_missing(run, wish) and not written:
        await _say_why_nothing(run, wish)


async def _said_missing(run: "Run", wish: Wish) -> bool:
    """Whether the log was removed while or after the run wrote it, which is then said."""
    if wish.build:
        return False
    described = await answered(run.describe_log(attempt=wish.attempt, stream=wish.stream))
    if described.missing:
        lost = "was written to it" if described.complete else "the run writes until it ends"
        talk.say(f"The log is gone: it was removed on its machine by hand. What {lost} is lost.")
    return described.missing


async def _say_why_nothing(run: "Run", wish: Wish) -> None:
    """Says why nothing was to be read: silence would be a riddle."""
    if wish.build or _said_not_begun(run, wish) or await _said_missing(run, wish):
        return
    described = await answered(run.describe_log(attempt=wish.attempt, stream=wish.stream))
    if not described.size_bytes:
        far = "" if described.complete else " so far"
        talk.say(f"The log is empty: nothing was written to it{far}.")
    elif (wish.offset or 0) > described.size_bytes:
        # At its very end, whoever reads on from there has read all: that is no slip.
        talk.say(
            f"There is nothing at byte {wish.offset}: the log has {described.size_bytes} bytes."
        )


def _said_not_begun(run: "Run", wish: Wish) -> bool:
    """Whether the attempt has not started, which is then said with its reason."""
    view = run.view
    latest = view is not None and wish.attempt in (0, view.attempt)
    if view is None or not latest or (view.earlier and not wish.attempt):
        return False
    match view.state:
        case Queued() | Preparing():
            why = one_line(words.waiting_for(view.state))
            talk.say(f"The run has written nothing yet: it has not started. {why}")
            talk.say(f"  Wait for it with 'lanherd logs -f {short_id(run.id)}'.")
        case Ended(started_at=None, reason=reason):
            talk.say(f"There is nothing in the log: the run never started. {one_line(reason.text)}")
            talk.say_lines(reason.remedy)
        case _:
            return False
    return True


async def _begin(run: "Run", wish: Wish) -> tuple[int, int]:
    """The attempt that is meant, 0 where none needs to be known, and the byte to begin with."""
    from lanherd_client.log_reading import line_offset_at, tail_offset

    if wish.since is None and wish.tail is None:
        return wish.attempt, wish.offset or 0
    described = await run.describe_log(attempt=wish.attempt, stream=wish.stream)
    if wish.tail is not None:
        return described.attempt, await tail_offset(run, described, wish.tail, wish.stream)
    since = cast("float", wish.since)
    if await _ended_before(run, described.attempt, since):
        return described.attempt, described.size_bytes
    return described.attempt, await line_offset_at(run, described, since, wish.stream)


async def _ended_before(run: "Run", attempt: int, at: float) -> bool:
    """Whether the attempt was over by then, so that nothing of its log came since."""
    from lanherd_client.attempts import attempts_of

    view = run.view or await run.refresh()
    return any(end.attempt == attempt and end.at < at for end in attempts_of(view))


async def _in_time(chunks: "Chunks") -> "AsyncIterator[LogBytes | LogGap]":
    """Each part within the time that a shell waits for an answer."""
    iterator = aiter(chunks)
    while (chunk := await answered(anext(iterator, None))) is not None:
        yield chunk


async def copy_log(chunks: "Chunks", as_json: bool) -> bool:
    """Writes a log to stdout as it comes; what was given up of it is said beside. Whether there was
    anything."""
    from lanherd_client.log_reading import LogGap

    writer, lines = LogWriter(), JsonLogWriter()
    anything = False
    async for chunk in chunks:
        anything = True
        if isinstance(chunk, LogGap):
            lines.finish()
            lines = JsonLogWriter()
            _tell_gap(chunk, as_json)
        elif as_json:
            lines.write(chunk)
        else:
            await writer.write(chunk.data)
    lines.finish()
    if not as_json:
        await writer.finish()
    return anything


def _tell_gap(gap: "LogGap", as_json: bool) -> None:
    if as_json:
        talk.put_json_line({"attempt": gap.attempt, "offset": gap.offset, "gap_to": gap.to})
        return
    talk.say(
        f"Here {format_size(gap.to - gap.offset)} are missing, from byte {gap.offset} to {gap.to}:"
        " they were given up so that the log keeps to its cap."
    )


async def _search(fleet: "Fleet", run: "Run", wish: Wish, pattern: str) -> None:
    attempt, offset = await answered(_begin(run, wish))
    described = await answered(run.describe_log(attempt=attempt, stream=wish.stream))
    found = run.search_log(
        pattern,
        attempt=described.attempt,
        stream=wish.stream,
        regex=wish.regex,
        ignore_case=wish.ignore_case,
        offset=offset,
        matches_max=wish.matches_max or MATCHES,
    )
    await _link_told(fleet, run, put_matches(found, described, offset, wish.as_json))
    if not described.size_bytes:
        await _say_why_nothing(run, wish)


async def _link_told(fleet: "Fleet", run: "Run", work: Awaitable[Result]) -> Result:
    machine = fleet.machine(run.machine)
    return await (work if machine is None else told_link(fleet, machine, work))


async def _save(fleet: "Fleet", run: "Run", wish: Wish, to: Path) -> None:
    from lanherd_client.log_saving import save_log

    with arriving() as progress:
        work = save_log(
            run,
            to,
            attempt=wish.attempt,
            stream=wish.stream,
            follow=wish.follow,
            progress=progress,
        )
        saved = await (told if wish.follow else _link_told)(fleet, run, work)
    if saved.continued_at:
        talk.say(f"{format_size(saved.continued_at)} were there already.")
    for gap in saved.gaps:
        _tell_gap(gap, as_json=False)
        talk.say("The file has a hole there, so that each byte keeps its place.")
    if not saved.size_bytes:
        await _say_why_nothing(run, wish)
    talk.put_line(str(saved.path))
