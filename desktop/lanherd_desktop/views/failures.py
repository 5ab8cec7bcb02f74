"""The sentences of every failure, as sources of translations.

Where the window speaks English, the words of who failed stand as they are. `{run}` and values
whose names end in `_s` or `_bytes` are said as people say them.
"""

from typing import NamedTuple

from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP
from lanherd_protocol.errors import ErrorCode


class Refusal(NamedTuple):
    """`told` are values of a failure by which it is known; a value of None may be any. Of several
    sentences the first counts whose values came along and say something."""

    code: ErrorCode
    told: dict[str, str | None]
    whys: tuple[str, ...]
    what_next: str


FAILURES: dict[ErrorCode, str] = {
    ErrorCode.INVALID_REQUEST: QT_TRANSLATE_NOOP("failures", "The request is not valid."),
    ErrorCode.UNKNOWN_METHOD: QT_TRANSLATE_NOOP("failures", "The machine does not know this call."),
    ErrorCode.NOT_FOUND: QT_TRANSLATE_NOOP("failures", "It is not there."),
    ErrorCode.CONFLICT: QT_TRANSLATE_NOOP("failures", "It is in another state, or already taken."),
    ErrorCode.TOO_LARGE: QT_TRANSLATE_NOOP("failures", "It is too large."),
    ErrorCode.IMPOSSIBLE_REQUEST: QT_TRANSLATE_NOOP("failures", "The machine can never run this."),
    ErrorCode.PROJECT_UNREADABLE: QT_TRANSLATE_NOOP(
        "failures", "The project folder can't be read."
    ),
    ErrorCode.PROJECT_EMPTY: QT_TRANSLATE_NOOP("failures", "The project folder is empty."),
    ErrorCode.PROJECT_CHANGED: QT_TRANSLATE_NOOP(
        "failures", "The project changed while it was read."
    ),
    ErrorCode.LOCK_UNRESOLVABLE: QT_TRANSLATE_NOOP("failures", "The lock can't be resolved."),
    ErrorCode.COMMAND_NOT_FOUND: QT_TRANSLATE_NOOP("failures", "The command was not found."),
    ErrorCode.NOT_PAIRED: QT_TRANSLATE_NOOP("failures", "This device is not paired there."),
    ErrorCode.NOT_ALLOWED: QT_TRANSLATE_NOOP("failures", "This device may not do that."),
    ErrorCode.WRONG_IDENTITY: QT_TRANSLATE_NOOP(
        "failures", "Another agent answers at this address."
    ),
    ErrorCode.UNREACHABLE: QT_TRANSLATE_NOOP("failures", "The machine can't be reached."),
    ErrorCode.CONNECTION_LOST: QT_TRANSLATE_NOOP("failures", "The connection was lost."),
    ErrorCode.PROTOCOL_ERROR: QT_TRANSLATE_NOOP("failures", "The machine answered nonsense."),
    ErrorCode.VERSION_MISMATCH: QT_TRANSLATE_NOOP("failures", "The versions don't fit together."),
    ErrorCode.TIMED_OUT: QT_TRANSLATE_NOOP("failures", "It took too long."),
    ErrorCode.CANCELLED: QT_TRANSLATE_NOOP("failures", "It was cancelled."),
    ErrorCode.OVERLOADED: QT_TRANSLATE_NOOP("failures", "The machine has too much to do."),
    ErrorCode.DISK_FULL: QT_TRANSLATE_NOOP("failures", "The disk is full."),
    ErrorCode.STORE_FAILED: QT_TRANSLATE_NOOP("failures", "The agent's database failed."),
    ErrorCode.BLOB_CORRUPT: QT_TRANSLATE_NOOP("failures", "A file arrived damaged."),
    ErrorCode.ENVIRONMENT_FAILED: QT_TRANSLATE_NOOP(
        "failures", "The environment could not be built."
    ),
    ErrorCode.LAUNCHER_FAILED: QT_TRANSLATE_NOOP("failures", "The run could not be started."),
    ErrorCode.GPU_UNAVAILABLE: QT_TRANSLATE_NOOP("failures", "The GPU can't be used."),
    ErrorCode.HOME_IN_USE: QT_TRANSLATE_NOOP("failures", "Another agent uses this home."),
    ErrorCode.HOME_UNUSABLE: QT_TRANSLATE_NOOP("failures", "The home directory can't be used."),
    ErrorCode.SHUTTING_DOWN: QT_TRANSLATE_NOOP("failures", "The agent is shutting down."),
    ErrorCode.INTERNAL: QT_TRANSLATE_NOOP("failures", "A bug in Lanherd."),
    ErrorCode.UNKNOWN: QT_TRANSLATE_NOOP("failures", "The machine reports an unknown problem."),
}


WHYS: dict[ErrorCode, tuple[str, ...]] = {
    ErrorCode.COMMAND_NOT_FOUND: (
        QT_TRANSLATE_NOOP(
            "failures",
            "{command} can't be run on the machine: it isn't there, or isn't a program for it.",
        ),
        QT_TRANSLATE_NOOP("failures", "It isn't on the machine, or isn't a program for it."),
    ),
    ErrorCode.IMPOSSIBLE_REQUEST: (
        QT_TRANSLATE_NOOP(
            "failures",
            "It asks for {needs_gpus} GPUs with {needs} each; the machine has {gpus}, "
            "the largest with {largest}.",
        ),
        QT_TRANSLATE_NOOP("failures", "It asks for {needs_gpus} GPUs; the machine has {gpus}."),
        QT_TRANSLATE_NOOP(
            "failures",
            "It asks for {gpus} GPUs with {vram} each, which no connected machine has.",
        ),
        QT_TRANSLATE_NOOP("failures", "It asks for more GPUs or more VRAM than there are."),
    ),
    ErrorCode.UNREACHABLE: (
        QT_TRANSLATE_NOOP("failures", "{machine} does not answer."),
        QT_TRANSLATE_NOOP("failures", "No agent answers at its address."),
    ),
    ErrorCode.LOCK_UNRESOLVABLE: (
        QT_TRANSLATE_NOOP("failures", "{lock} can't be installed on that machine as it is."),
        QT_TRANSLATE_NOOP("failures", "It can't be installed on that machine as it is."),
    ),
    ErrorCode.ENVIRONMENT_FAILED: (
        QT_TRANSLATE_NOOP("failures", "Building it from {lock} ended with an error."),
        QT_TRANSLATE_NOOP("failures", "The machine has no Python {python}."),
        QT_TRANSLATE_NOOP("failures", "A step of its building ended with an error."),
    ),
    ErrorCode.PROJECT_UNREADABLE: (QT_TRANSLATE_NOOP("failures", "{path} can't be read."),),
    ErrorCode.PROJECT_EMPTY: (QT_TRANSLATE_NOOP("failures", "{path} holds nothing to send."),),
    ErrorCode.PROJECT_CHANGED: (QT_TRANSLATE_NOOP("failures", "{path} was written to meanwhile."),),
    ErrorCode.NOT_PAIRED: (
        QT_TRANSLATE_NOOP("failures", "The machine does not know this device, or forgot it."),
    ),
    ErrorCode.NOT_ALLOWED: (QT_TRANSLATE_NOOP("failures", "It belongs to {owner}."),),
    ErrorCode.CONNECTION_LOST: (
        QT_TRANSLATE_NOOP("failures", "The connection to {machine} broke off."),
        QT_TRANSLATE_NOOP("failures", "It broke off, or nothing was heard for a while."),
    ),
    ErrorCode.SHUTTING_DOWN: (
        QT_TRANSLATE_NOOP("failures", "It takes nothing new while it stops."),
    ),
    ErrorCode.OVERLOADED: (QT_TRANSLATE_NOOP("failures", "As much waits for it as it can take."),),
    ErrorCode.DISK_FULL: (QT_TRANSLATE_NOOP("failures", "Nothing more could be written to it."),),
}
"""Why, of the failures that people meet: the first sentence whose values came along."""

NEXTS: dict[ErrorCode, str] = {
    ErrorCode.COMMAND_NOT_FOUND: QT_TRANSLATE_NOOP(
        "failures",
        "Check its spelling and that it may be executed, or add the package that brings it to the "
        "project's lock.",
    ),
    ErrorCode.IMPOSSIBLE_REQUEST: QT_TRANSLATE_NOOP(
        "failures", "Ask for fewer GPUs or less VRAM, or choose another machine."
    ),
    ErrorCode.UNREACHABLE: QT_TRANSLATE_NOOP(
        "failures", "See that it is on and its agent runs; it is tried again by itself."
    ),
    ErrorCode.LOCK_UNRESOLVABLE: QT_TRANSLATE_NOOP(
        "failures",
        "Make the lock again for that machine's Python and platform, and submit the run again.",
    ),
    ErrorCode.ENVIRONMENT_FAILED: QT_TRANSLATE_NOOP(
        "failures", "Read the build's log, mend what it names, and submit the run again."
    ),
    ErrorCode.DISK_FULL: QT_TRANSLATE_NOOP("failures", "Make room on that disk and try again."),
    ErrorCode.PROJECT_UNREADABLE: QT_TRANSLATE_NOOP(
        "failures", "See who may read it, or leave it out of the project."
    ),
    ErrorCode.PROJECT_EMPTY: QT_TRANSLATE_NOOP(
        "failures", "Choose the folder that the code is in."
    ),
    ErrorCode.PROJECT_CHANGED: QT_TRANSLATE_NOOP(
        "failures", "Submit it again once nothing writes to the project."
    ),
    ErrorCode.NOT_PAIRED: QT_TRANSLATE_NOOP("failures", "Pair with it again."),
    ErrorCode.NOT_ALLOWED: QT_TRANSLATE_NOOP(
        "failures", "Ask its owner, or who looks after that machine."
    ),
    ErrorCode.CONNECTION_LOST: QT_TRANSLATE_NOOP(
        "failures", "It is made again by itself; try again then."
    ),
    ErrorCode.SHUTTING_DOWN: QT_TRANSLATE_NOOP("failures", "Try again once it runs again."),
    ErrorCode.OVERLOADED: QT_TRANSLATE_NOOP("failures", "Try again in a moment."),
}
"""What to do next, of each code that has a why."""
