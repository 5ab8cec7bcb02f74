"""What is said before much is sent, and what would be sent, when nobody wants it sent yet."""

import asyncio
import shlex
from collections.abc import Sequence

from lanherd_client.projects.preflight import Preflight, Suspect
from lanherd_client.projects.push_planning import ASKED_TOGETHER_MAX
from lanherd_client.projects.push_progress import Caller
from lanherd_client.projects.scan import Scan
from lanherd_client.sizes import format_size
from lanherd_protocol import manifest as manifests
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.messages import FindMissing, HasSnapshot
from lanherd_protocol.methods import SNAPSHOTS_HAS, SNAPSHOTS_MISSING

SUSPECTS_SAID_MAX = 5


def notes_on_suspects(scanned: Scan) -> tuple[str, ...]:
    """Sentences about what looks like a mistake, and the command that leaves it out; blocks."""
    suspects = Preflight(scanned).suspects
    notes = [_note_on(one) for one in suspects[:SUSPECTS_SAID_MAX]]
    if len(suspects) > SUSPECTS_SAID_MAX:
        notes.append(
            f"{len(suspects) - SUSPECTS_SAID_MAX} more look like it: 'lanherd push --dry-run' names"
            " them."
        )
    return tuple(notes)


def _note_on(suspect: Suspect) -> str:
    what = suspect.what
    return (
        f"{what.path} ({format_size(what.bytes_total)}) is sent with the project. {suspect.why}"
        f" If it shall stay at home: lanherd project ignore {shlex.quote(suspect.rule)}"
    )


async def find_missing(caller: Caller, scanned: Scan) -> frozenset[BlobHash]:
    """The blobs that a machine lacks of what was scanned; nothing is sent."""
    presence = await caller.call(SNAPSHOTS_HAS, HasSnapshot(snapshot=scanned.snapshot))
    if presence.present:
        return frozenset()
    wanted = await asyncio.to_thread(_hashes, scanned)
    missing: set[BlobHash] = set()
    for start in range(0, len(wanted), ASKED_TOGETHER_MAX):
        batch = tuple(wanted[start : start + ASKED_TOGETHER_MAX])
        answer = await caller.call(SNAPSHOTS_MISSING, FindMissing(blobs=batch))
        missing.update(answer.blobs)
    return frozenset(missing.intersection(wanted))


def _hashes(scanned: Scan) -> Sequence[BlobHash]:
    return manifests.hashes(scanned.manifest)
