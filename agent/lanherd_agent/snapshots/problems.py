"""What goes wrong in the store, in words."""

import contextlib
import errno
from collections.abc import Iterator, Sequence

from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.ids import is_sha256
from lanherd_protocol.limits import HASHES_PER_CALL_MAX, MANIFEST_BYTES_MAX
from lanherd_protocol.manifest import ManifestError

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class CancelledHere(Exception):
    """The caller no longer wants the work; raised in its thread, after which it tidies up."""


def disk_problem(refused: OSError, doing: str) -> LanherdError:
    """The error of a failed system call; `doing` completes 'The machine could not …'."""
    if refused.errno in _NO_SPACE:
        return error(
            ErrorCode.DISK_FULL,
            "The machine's disk is full.",
            f"It could not {doing}.",
            "Free some space in the agent's home on that machine and try again.",
            refusal="no_room",
            what=doing,
        )
    return error(
        ErrorCode.STORE_FAILED,
        f"The machine could not {doing}.",
        str(refused.strerror or refused),
        "Look at the agent's home on that machine, and at its disk.",
        refusal="not_done",
        what=doing,
        why=str(refused.strerror or refused),
    )


def corrupt_blob(blob: str, why: str) -> LanherdError:
    return error(
        ErrorCode.BLOB_CORRUPT,
        "A stored blob is damaged.",
        f"Blob {blob} {why}. It was removed.",
        "Push the project again; check that machine's disk.",
        blob=blob,
    )


def no_snapshot(snapshot: str) -> LanherdError:
    return error(
        ErrorCode.NOT_FOUND,
        "The machine doesn't have this snapshot.",
        f"Snapshot {snapshot} was never pushed to it, or was removed.",
        "Push the project again.",
        snapshot=snapshot,
    )


def not_yours(snapshot: str) -> LanherdError:
    """What is said to whoever hasn't pushed it, whether the machine has it or not."""
    return error(
        ErrorCode.NOT_FOUND,
        "You haven't pushed this snapshot to the machine.",
        f"Snapshot {snapshot} isn't among yours there: it was never pushed, or was collected.",
        "Push the project again.",
        refusal="not_your_snapshot",
        snapshot=snapshot,
    )


def no_base(snapshot: str) -> LanherdError:
    return error(
        ErrorCode.NOT_FOUND,
        "The snapshot that this one is compared with isn't there.",
        f"Snapshot {snapshot} isn't among yours on that machine any more.",
        "Push the project again: its whole list of files is sent then.",
        refusal="no_base",
        snapshot=snapshot,
    )


def missing_blobs(blobs: Sequence[str]) -> LanherdError:
    return error(
        ErrorCode.NOT_FOUND,
        "Some blobs of the snapshot are missing.",
        f"{len(blobs)} blobs have not arrived, {blobs[0]} among them.",
        "Push the project again.",
        refusal="missing_blobs",
        missing=len(blobs),
        blob=blobs[0],
    )


def other_size(path: str, blob: str, expected_bytes: int, found_bytes: int) -> LanherdError:
    return error(
        ErrorCode.INVALID_REQUEST,
        "The manifest isn't acceptable.",
        f"{path!r} expects {expected_bytes} bytes of blob {blob}, which has {found_bytes}.",
        "Push the project again.",
        refusal="blob_size",
        path=path,
        blob=blob,
        expected_bytes=expected_bytes,
        found_bytes=found_bytes,
    )


def large_manifest() -> LanherdError:
    return error(
        ErrorCode.TOO_LARGE,
        "The manifest is too large.",
        f"It has more than {MANIFEST_BYTES_MAX} bytes.",
        "Leave folders out of the project by .lanherdignore.",
        refusal="large_manifest",
        manifest_bytes_max=MANIFEST_BYTES_MAX,
    )


def large_pack(count: int) -> LanherdError:
    return error(
        ErrorCode.TOO_LARGE,
        "Too many blobs in one pack.",
        f"{count} is not between 0 and {HASHES_PER_CALL_MAX}.",
        "Send several packs.",
        refusal="large_pack",
        blobs=count,
        blobs_max=HASHES_PER_CALL_MAX,
    )


def many_blobs(count: int) -> LanherdError:
    return error(
        ErrorCode.TOO_LARGE,
        "Too many blobs in one question.",
        f"{count} hashes are more than {HASHES_PER_CALL_MAX}.",
        "Ask in several calls.",
        refusal="many_blobs",
        blobs=count,
        blobs_max=HASHES_PER_CALL_MAX,
    )


def tree_there(folder: str) -> LanherdError:
    return error(
        ErrorCode.CONFLICT,
        "There is a tree already.",
        f"{folder!r} exists or is being built.",
        "Use another folder.",
        refusal="tree_there",
        folder=folder,
    )


def no_file(path: str) -> LanherdError:
    return error(
        ErrorCode.NOT_FOUND,
        f"The snapshot has no file {path!r}.",
        "It may be left out by an ignore rule, or be a link or a folder.",
        "Name a file that is part of the project.",
        refusal="no_file",
        path=path,
    )


def large_file(path: str, size_bytes: int, bytes_max: int) -> LanherdError:
    return error(
        ErrorCode.TOO_LARGE,
        f"{path!r} is too large.",
        f"It has {size_bytes} bytes; {bytes_max} is the most for such a file.",
        "Name another file.",
        refusal="large_file",
        path=path,
        file_bytes=size_bytes,
        file_bytes_max=bytes_max,
    )


def unpacking_cancelled() -> LanherdError:
    return error(
        ErrorCode.CANCELLED,
        "Unpacking was cancelled.",
        "",
        "Start the run again.",
        refusal="unpacking_cancelled",
    )


def pinned(snapshot: str, note: str) -> LanherdError:
    return error(
        ErrorCode.CONFLICT,
        "The snapshot is pinned.",
        f"It is kept on purpose: {note}." if note else "It is kept on purpose.",
        "Unpin it first.",
        refusal="snapshot_pinned",
        snapshot=snapshot,
        note=note,
    )


def needed(snapshot: str, runs: int) -> LanherdError:
    return error(
        ErrorCode.CONFLICT,
        "The snapshot is needed.",
        f"{runs} runs that wait or are live are made of it.",
        "Wait for their end, or stop them first.",
        refusal="snapshot_needed",
        snapshot=snapshot,
        runs=runs,
    )


def check_hash(text: str) -> None:
    if not is_sha256(text):
        raise error(
            ErrorCode.INVALID_REQUEST,
            "This is no hash.",
            f"{text[:80]!r} is not a SHA-256 in hexadecimal digits.",
            "Use the ids that Lanherd gives.",
            refusal="no_hash",
            hash=text[:80],
        )


@contextlib.contextmanager
def refusing(kind: type[ValueError], title: str) -> Iterator[None]:
    """What a manifest or a pack is refused for, as the answer to whoever sent it."""
    try:
        yield
    except kind as refused:
        raise error(
            ErrorCode.INVALID_REQUEST,
            title,
            f"{refused}.",
            "Push the project again.",
            refusal="bad_manifest" if kind is ManifestError else "bad_pack",
            why=str(refused),
        ) from refused
