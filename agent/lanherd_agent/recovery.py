"""Opens the agent's records; where they are gone or damaged, makes new ones and says so aloud.

The new ones are complete in a file of their own before the damaged one is moved aside and they take
its place, so that a crash at any moment leaves the next start the same to do.
"""

import asyncio
import itertools
import logging
import os
import time
from pathlib import Path

from msgspec import Struct

from lanherd_agent.core.reasons import plural
from lanherd_agent.home import AgentHome
from lanherd_agent.persist.sqlite import SqliteStore, damage_note
from lanherd_agent.persist.store import (
    SEQ_FLOOR,
    AuditEntry,
    Batch,
    DamagedError,
    Store,
    store_failed,
)
from lanherd_agent.problems import PROBLEMS_MAX, Problems, untrusted
from lanherd_agent.rebuild import Rebuilt, rebuild
from lanherd_agent.shell.shell import Shell
from lanherd_protocol.values import Reason

SEQS_PER_S = 1000
"""New records number their changes from this many times the hour on: far above any old number."""
RUNS_PER_COMMIT = 5000
FLAWS_TOLD_MAX = PROBLEMS_MAX - 8
WAL = "-wal"
log = logging.getLogger("lanherd.recovery")


class _Anew(Struct, frozen=True):
    """What was made, and the name under which the damaged file is kept, if there was one."""

    rebuilt: Rebuilt
    aside: str | None


async def open_shell(home: AgentHome, problems: Problems) -> Shell:
    """The shell on the home's records. Raises STORE_FAILED or DISK_FULL."""
    if await asyncio.to_thread(_are_gone, home):
        why = "They are gone."
    else:
        try:
            return await _open(home)
        except DamagedError as found:
            why = found.failure.message
    log.warning("The agent's records are made anew from the directories of its runs. %s", why)
    anew = await asyncio.to_thread(_make_anew, home, why)
    shell = await _open(home)
    _say(anew, problems)
    return shell


async def _open(home: AgentHome) -> Shell:
    return await Shell.open(await asyncio.to_thread(SqliteStore, home.database))


def _are_gone(home: AgentHome) -> bool:
    """Whether there are no records where there should be some."""
    try:
        if home.database.lstat().st_size > 0:
            return False
    except FileNotFoundError:
        pass  # As good as empty.
    return any(home.runs.iterdir())


def _make_anew(home: AgentHome, why: str) -> _Anew:
    now = time.time()
    seq = int(now * SEQS_PER_S)
    rebuilt = rebuild(home.root, now, seq)
    fresh = home.database.with_name(f"{home.database.name}.new")
    try:
        _remove(fresh)
        store = SqliteStore(fresh)
        try:
            _fill(store, rebuilt, seq, _audit(now, why))
            store.fold()
        except BaseException:
            store.close(fold=False)
            raise
        store.close()
        aside = _move_aside(home.database, now)
        fresh.rename(home.database)
        _sync_folder(home.root)
    except OSError as problem:
        raise store_failed(str(home.database), f"{problem}.") from problem
    finally:
        _remove(fresh)
    return _Anew(rebuilt, aside)


def _audit(now: float, why: str) -> AuditEntry:
    return AuditEntry(at=now, who="agent", action="records.rebuilt", detail=why)


def _fill(store: Store, rebuilt: Rebuilt, seq: int, line: AuditEntry) -> None:
    runs = iter(rebuilt.runs)
    while some := tuple(itertools.islice(runs, RUNS_PER_COMMIT)):
        store.commit(Batch(runs=some))
    last = seq + len(rebuilt.runs)
    store.commit(Batch(meta={SEQ_FLOOR: str(last)}, audit=(line,)))


def _move_aside(database: Path, now: float) -> str | None:
    """Keep what there is under another name, for whoever can still read something of it."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    name = f"{database.name}.corrupt-{stamp}"
    kept = None
    for suffix in ("", WAL):
        path = database.with_name(database.name + suffix)
        if path.exists() and (suffix or path.stat().st_size):
            path.rename(database.with_name(name + suffix))
            kept = kept or name + suffix
    damage_note(database).unlink(missing_ok=True)
    return kept


def _remove(fresh: Path) -> None:
    """Whatever was left of records in the making."""
    for path in fresh.parent.glob(f"{fresh.name}*"):
        path.unlink()


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _say(anew: _Anew, problems: Problems) -> None:
    rebuilt = anew.rebuilt
    for flawed in rebuilt.flawed[:FLAWS_TOLD_MAX]:
        why = f"They can't be trusted: {flawed.why}."
        reason = untrusted(flawed.run, flawed.where, why)
        problems.put(reason, flawed.run)
        log.warning("%s", reason.text)
    if len(rebuilt.flawed) > FLAWS_TOLD_MAX:
        log.warning("%s directories of runs can't be trusted.", len(rebuilt.flawed))
    for run in rebuilt.without_lease:
        log.warning("Run %s lives on without its lease: another holds the same GPU.", run)
    reason = _rebuilt(anew)
    problems.put(reason)
    log.warning("%s %s", reason.text, reason.remedy)


def _rebuilt(anew: _Anew) -> Reason:
    runs, held, forgotten = len(anew.rebuilt.runs), anew.rebuilt.held, anew.rebuilt.forgotten
    known = ""
    if forgotten:
        known = f" At least {plural(forgotten, 'run is', 'runs are')} no longer known."
    advice = [
        "Pair controllers again, and submit again what had not been started.",
        "Rules of retention, closed GPUs and pauses are gone: set them again.",
    ]
    if held:
        advice.append(f"Release {plural(held, 'run', 'runs')} that would have been tried again.")
    if anew.aside is not None:
        advice.append(f"The damaged file is kept as {anew.aside} in the agent's home.")
    return Reason(
        code="records_rebuilt",
        text=f"The agent's records were {'damaged' if anew.aside else 'gone'} and were made anew "
        f"from the directories of {plural(runs, 'run', 'runs')}.{known}",
        data={"runs": runs, "held": held, "forgotten": forgotten, "file": anew.aside or ""},
        remedy=" ".join(advice),
    )
