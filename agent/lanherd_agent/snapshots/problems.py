"""What goes wrong in the store, in words."""

import errno

from lanherd_protocol.errors import ErrorCode, LanherdError, error

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
