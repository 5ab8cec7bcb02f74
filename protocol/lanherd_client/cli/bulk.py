"""One verb on several runs: each is done, and of each it is said what happened."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from lanherd_client.cli import shapes, talk, words
from lanherd_client.cli.completion import remember
from lanherd_client.cli.selecting import Chosen, Verb, agreed, select
from lanherd_client.cli.session import answered, connected, home_of
from lanherd_client.cli.terminal import plain
from lanherd_client.mirror import RunRecord
from lanherd_protocol.errors import Failure, LanherdError
from lanherd_protocol.ids import short_id
from lanherd_protocol.states import RunView, is_live

if TYPE_CHECKING:
    from lanherd_client.fleet import Fleet
    from lanherd_client.run import Run


AT_ONCE_MAX = 64
SAID_EACH_MAX = 20
FAILURES_SAID_MAX = 5


@dataclass(frozen=True, slots=True)
class _Done:
    text: str
    record: RunRecord | None = None
    failure: Failure | None = None


async def each_run(
    context: click.Context,
    texts: Sequence[str],
    act: "Callable[[Run], Awaitable[RunView]]",
    did: Callable[[RunView], str],
    as_json: bool,
    sole: bool = False,
) -> int:
    """Does something to every run that is named; the exit code. With `sole` a name that several
    runs have is refused.

    A single run that fails is said as any failure is, with its exit code. Of several the rest is
    done all the same, and the code is 1.
    """
    async with connected(context) as fleet:
        distinct = tuple(dict.fromkeys(texts))
        if len(distinct) == 1:
            done = [await _done(fleet, distinct[0], act, sole)]
        else:
            done = await asyncio.gather(*(_tried(fleet, text, act, sole) for text in distinct))
        remember(home_of(context), fleet.machines(), fleet.runs())
        if as_json:
            shown = [_shape(fleet, one) for one in done]
            talk.put_json(shown[0] if len(distinct) == 1 else [*shown])
        else:
            for one in done:
                _say(one, did)
    return talk.FAILED if any(one.failure for one in done) else talk.OK


async def each_chosen(
    context: click.Context,
    chosen: Chosen,
    verb: Verb,
    act: "Callable[[Run], Awaitable[RunView]]",
    did: Callable[[RunView], str],
    as_json: bool,
    sole: bool = False,
) -> int:
    """As `each_run`, also of all runs of a tag or sweep, about which it is asked first."""
    if chosen.texts:
        return await each_run(context, chosen.texts, act, did, as_json, sole)
    records = await select(context, chosen, verb)
    if not records:
        talk.say(f"There is nothing to {verb.does} among your runs {chosen}.")
        if as_json:
            talk.put_json([])
        return talk.OK
    # The person has time to read and to answer: nothing is connected meanwhile.
    if not agreed(records, chosen, verb):
        talk.say("Nothing was done.")
        return talk.FAILED
    return await _each_of(context, records, act, did, as_json)


async def _each_of(
    context: click.Context,
    records: Sequence[RunRecord],
    act: "Callable[[Run], Awaitable[RunView]]",
    did: Callable[[RunView], str],
    as_json: bool,
) -> int:
    turns = asyncio.Semaphore(AT_ONCE_MAX)

    async with connected(context) as fleet:

        async def tried(record: RunRecord) -> _Done:
            try:
                async with turns:
                    view = await answered(act(fleet.run_at(record.machine, record.view.run)))
            except LanherdError as problem:
                return _Done(record.view.run, failure=problem.failure)
            return _Done(record.view.run, RunRecord(record.machine, view))

        # Those that wait are done with before those that are live.
        done = list(await asyncio.gather(*(tried(r) for r in records if not _is_live(r))))
        done += await asyncio.gather(*(tried(r) for r in records if _is_live(r)))
        remember(home_of(context), fleet.machines(), fleet.runs())
        if as_json:
            talk.put_json([_shape(fleet, one) for one in done])
        elif len(done) <= SAID_EACH_MAX:
            for one in done:
                _say(one, did)
        else:
            _say_counts(done, did)
    return talk.FAILED if any(one.failure for one in done) else talk.OK


def _is_live(record: RunRecord) -> bool:
    return is_live(record.view.state)


def _say_counts(done: Sequence[_Done], did: Callable[[RunView], str]) -> None:
    """Of many runs how many there are of which the same is to be said."""
    counts = Counter(did(one.record.view) for one in done if one.record is not None)
    for said, count in counts.items():
        talk.say(f"{count} {'run' if count == 1 else 'runs'}: {said}")
    failed = [one for one in done if one.failure is not None]
    for one in failed[:FAILURES_SAID_MAX]:
        _say(one, did)
    if len(failed) > FAILURES_SAID_MAX:
        talk.say(f"And {len(failed) - FAILURES_SAID_MAX} more failed.")


async def _tried(
    fleet: "Fleet", text: str, act: "Callable[[Run], Awaitable[RunView]]", sole: bool
) -> _Done:
    try:
        return await _done(fleet, text, act, sole)
    except LanherdError as problem:
        return _Done(text, failure=problem.failure)


async def _done(
    fleet: "Fleet", text: str, act: "Callable[[Run], Awaitable[RunView]]", sole: bool
) -> _Done:
    run = await answered(fleet.run(text, sole=sole))
    view = await answered(act(run))
    return _Done(text, RunRecord(run.machine, view))


def _say(one: _Done, did: Callable[[RunView], str]) -> None:
    if one.record is not None:
        view = one.record.view
        name = f" ({plain(view.spec.name)})" if view.spec.name else ""
        talk.say(f"Run {short_id(view.run)}{name}: {did(view)}")
    if one.failure is not None:
        talk.say(f"Run {plain(one.text)}: failed.")
        talk.say_failure(one.failure)


def _shape(fleet: "Fleet", one: _Done) -> shapes.Object:
    if one.record is None:
        return {"run": None, "asked": one.text, "problem": shapes.failure_shape(one.failure)}
    return shape_of(fleet, one.record)


def shape_of(fleet: "Fleet", record: RunRecord) -> shapes.Object:
    """A run's JSON with the name of its machine."""
    view = fleet.machine(record.machine)
    simulated = view is not None and view.simulated
    return shapes.run_shape(record, view.name if view is not None else "", simulated)


def state_sentence(view: RunView) -> str:
    """Its state, for a line that begins with the run."""
    return f"{words.state_word(view.state)}."
