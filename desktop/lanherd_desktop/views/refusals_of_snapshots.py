"""What is refused of pushed projects: of snapshots on machines, and of a project's own file "
"here."""

from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP
from lanherd_desktop.views.failures import Refusal
from lanherd_protocol.errors import ErrorCode

OF_SNAPSHOTS: tuple[Refusal, ...] = (
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "not_your_snapshot"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "Snapshot {snapshot} isn't among yours on that machine: it was never pushed, or "
                "was collected.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Push the project again."),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "no_base"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The snapshot that this one is compared with, {snapshot}, isn't among yours on "
                "that machine any more.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures", "Push the project again: its whole list of files is sent then."
        ),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "snapshot_pinned"},
        (
            QT_TRANSLATE_NOOP("failures", "The snapshot is pinned, and kept on purpose: {note}."),
            QT_TRANSLATE_NOOP("failures", "The snapshot is pinned, and kept on purpose."),
        ),
        QT_TRANSLATE_NOOP("failures", "Unpin it first."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "snapshot_needed"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The snapshot is needed: {runs} runs that wait or are live are made of it.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Wait for their end, or stop them first."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_snapshot_text", "field": "project"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The project's name can't be kept: it has {chars} characters, and up to "
                "{chars_max} are, in one line.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Choose a shorter one."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_snapshot_text", "field": "note"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The note can't be kept: it has {chars} characters, and up to {chars_max} are, "
                "in one line.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Choose a shorter one."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_snapshot_text"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "This text can't be kept: it has {chars} characters, and up to {chars_max} are, "
                "in one line.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Choose a shorter one."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_snapshot_page"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "A page of snapshots holds 1 to {limit_max}, and {limit} were asked for.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures", "Ask for the next page with the last snapshot of the one before."
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_snapshot_age"},
        (QT_TRANSLATE_NOOP("failures", "An age below 0 lies in the future."),),
        QT_TRANSLATE_NOOP("failures", "Give an age of 0 or more."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "several_snapshots"},
        (QT_TRANSLATE_NOOP("failures", "{snapshots} snapshots begin with {snapshot}."),),
        QT_TRANSLATE_NOOP("failures", "Write more of the one that you mean."),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "no_such_snapshot"},
        (QT_TRANSLATE_NOOP("failures", "No snapshot of yours begins with {snapshot}."),),
        QT_TRANSLATE_NOOP(
            "failures",
            "Look at the list of snapshots; a removed one comes back when the project is pushed.",
        ),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "nothing_paired"},
        (QT_TRANSLATE_NOOP("failures", "No machine is paired, and a push needs one to go to."),),
        QT_TRANSLATE_NOOP("failures", "Pair one."),
    ),
    Refusal(
        ErrorCode.PROJECT_UNREADABLE,
        {"refusal": "odd_project_file"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "{path} has mistakes, {findings} in all: the first is in line {line}, at {key}.",
            ),
            QT_TRANSLATE_NOOP(
                "failures", "{path} has mistakes, {findings} in all: the first is in line {line}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Mend the file with an editor."),
    ),
    Refusal(
        ErrorCode.PROJECT_UNREADABLE,
        {"refusal": "long_project_file"},
        (QT_TRANSLATE_NOOP("failures", "{path} has more than {bytes_max}."),),
        QT_TRANSLATE_NOOP("failures", "Make it shorter."),
    ),
    Refusal(
        ErrorCode.PROJECT_UNREADABLE,
        {"refusal": "project_file_not_changed"},
        (QT_TRANSLATE_NOOP("failures", "{path} can't be changed: {problem}."),),
        QT_TRANSLATE_NOOP("failures", "Change it with an editor."),
    ),
    Refusal(
        ErrorCode.PROJECT_UNREADABLE,
        {"refusal": "no_project_file"},
        (QT_TRANSLATE_NOOP("failures", "There is no {path}, since its folder can't be written."),),
        QT_TRANSLATE_NOOP("failures", "Make the folder writable, and try again."),
    ),
)
