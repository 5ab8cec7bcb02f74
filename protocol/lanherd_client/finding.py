"""Finding the run that a person means by a few characters.

A name may be that of several runs: a run that is restarted keeps its name. It then means the one
that has not ended, or the newest where all have ended; only several that have not are asked about.
"""

import asyncio
from collections.abc import Mapping, Sequence

from lanherd_client.mirror import MachineView, RunRecord
from lanherd_client.session import Session
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import DeviceId, RunId, is_uuid7, short_id
from lanherd_protocol.limits import RUN_LIST_PAGE_MAX
from lanherd_protocol.messages import GetRun, ListRuns
from lanherd_protocol.methods import RUNS_GET, RUNS_LIST
from lanherd_protocol.states import Ended, Queued, RunState, state_name

SHOWN_MAX = 5
PAGES_MAX = 20
"""Pages of ended runs that are looked through for a part of an id."""
PART_CHARS_MIN = 4
"""Of an id: shorter ones are the end of some id by chance, and short names are common."""


def matching(text: str, records: Sequence[RunRecord]) -> list[RunRecord]:
    """The runs that the text may mean: the whole id alone, else what is shown as the id or is the
    name, else a part of the id.

    A name comes before a part: who writes 'f7' means the run of that name, not one whose id happens
    to end so.
    """
    whole = [record for record in records if record.view.run == text]
    if whole:
        return whole
    named = [r for r in records if text in (r.view.spec.name, short_id(r.view.run))]
    if named or len(text) < PART_CHARS_MIN:
        return named
    return [r for r in records if r.view.run.startswith(text) or r.view.run.endswith(text)]


def _meant(text: str, found: list[RunRecord]) -> list[RunRecord]:
    """Of several runs of one name those that it means: see the head of this file."""
    if len(found) < 2 or any(record.view.spec.name != text for record in found):
        return found
    live = [record for record in found if not isinstance(record.view.state, Ended)]
    return live or [max(found, key=_age)]


def _age(record: RunRecord) -> tuple[float, str]:
    return record.view.submitted_at, record.view.run


async def find_run(
    text: str,
    known: Sequence[RunRecord],
    machines: Sequence[MachineView],
    sessions: Mapping[DeviceId, Session],
    *,
    sole: bool = False,
) -> RunRecord:
    """The one run that the text means: a known one, else one that a machine remembers. Of several
    of one name it is the one that has not ended, or the newest where all have; none with `sole`.

    Raises `NotFoundError`, `ConflictError`, or `UNREACHABLE` when it may be on a machine that can't
    be asked.
    """
    if not text:
        raise error(ErrorCode.INVALID_REQUEST, "No run was named.", "", "Write its id or its name.")
    found = matching(text, known)
    online = [machine.machine for machine in machines if machine.online]
    if not found:
        looks = (_look(sessions[machine], text) for machine in online)
        looked = await asyncio.gather(*looks)
        # Once more over all: one machine, or one page, may have the name and another a part.
        found = matching(text, [record for records in looked for record in records])
    found = found if sole else _meant(text, found)
    if len(found) == 1:
        return found[0]
    if found:
        raise _ambiguous(text, found, machines)
    raise _missing(text, [machine for machine in machines if not machine.online])


async def _look(session: Session, text: str) -> list[RunRecord]:
    if is_uuid7(text):
        return await _look_up(session, RunId(text))
    found: list[RunRecord] = []
    request = ListRuns(limit=RUN_LIST_PAGE_MAX)
    for _ in range(PAGES_MAX):
        page = await session.ask(RUNS_LIST, request)
        found += matching(text, [RunRecord(session.machine, view) for view in page.runs])
        if not page.more or not page.runs:
            break
        request = ListRuns(limit=RUN_LIST_PAGE_MAX, before=page.runs[-1].run)
    return found


async def _look_up(session: Session, run: RunId) -> list[RunRecord]:
    try:
        answer = await session.ask(RUNS_GET, GetRun(run=run))
    except LanherdError as problem:
        if problem.code is not ErrorCode.NOT_FOUND:
            raise
        return []
    return [RunRecord(session.machine, answer.view)]


def _ambiguous(
    text: str, found: Sequence[RunRecord], machines: Sequence[MachineView]
) -> LanherdError:
    names = {machine.machine: machine.name for machine in machines}
    newest = sorted(found, key=_age, reverse=True)
    shown = ", ".join(
        f"{short_id(record.view.run)} on {names[record.machine]} ({_state(record.view.state)})"
        for record in newest[:SHOWN_MAX]
    )
    more = f" and {len(found) - SHOWN_MAX} more" if len(found) > SHOWN_MAX else ""
    named = any(record.view.spec.name == text for record in found)
    return error(
        ErrorCode.CONFLICT,
        f"'{text}' may mean {len(found)} runs.",
        f"They are, the newest first: {shown}{more}.",
        "Write the id of the one that you mean." if named else "Write more of the id.",
        run=text,
    )


def _state(state: RunState) -> str:
    match state:
        case Ended():
            return state.outcome.replace("_", " ")
        case Queued():
            return "waiting"
        case _:
            return state_name(state)


def _missing(text: str, absent: Sequence[MachineView]) -> LanherdError:
    if absent:
        names = ", ".join(machine.name for machine in absent)
        return error(
            ErrorCode.UNREACHABLE,
            f"No connected machine knows a run '{text}'.",
            f"It may be on one that can't be asked now: {names}.",
            "See 'lanherd machines' for why, and try again.",
            run=text,
        )
    return error(
        ErrorCode.NOT_FOUND,
        f"There is no run '{text}'.",
        "No machine remembers one with that id or name.",
        "See 'lanherd runs'.",
        run=text,
    )
