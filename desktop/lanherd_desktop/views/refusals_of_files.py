"""What machines refuse about files, logs, projects and rules, by the refusal that they name."""

from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP
from lanherd_desktop.views.failures import Refusal
from lanherd_protocol.errors import ErrorCode

OF_FILES: tuple[Refusal, ...] = (
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "no_attempt"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The run has no attempt {attempt}; its latest is {latest}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Choose one that there is."),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "files_gone"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The files of run {run} are gone: they are being removed, or were removed by hand.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Restart the run to have them made again."),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "no_stderr"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The run has no log of its own for stderr: it is in its one log, in order.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Look into that one."),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "log_replaced"},
        (QT_TRANSLATE_NOOP("failures", "The log can't be read: {path} is {what} ({why})."),),
        QT_TRANSLATE_NOOP("failures", "Look at the run's directory on that machine."),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "log_unreadable"},
        (QT_TRANSLATE_NOOP("failures", "The log can't be read: {why}."),),
        QT_TRANSLATE_NOOP("failures", "Look at the run's directory, and at the machine's disk."),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "no_environment"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The run has no environment of its own, so nothing was built for it: it "
                "uses the machine's Python.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Look at the run's own log."),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "no_history"},
        (
            QT_TRANSLATE_NOOP("failures", "Nothing is known of the past of GPU {gpu}."),
            QT_TRANSLATE_NOOP("failures", "Nothing is known of the machine's past."),
        ),
        QT_TRANSLATE_NOOP(
            "failures", "A new one has a history after a second; else look at the machine's GPUs."
        ),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "no_file"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The snapshot has no file {path}: it may be left out by an ignore rule, or "
                "be a link or a folder.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Name a file that is part of the project."),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "missing_blobs"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{missing} parts of the project have not arrived, {blob} among them."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Push the project again."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_length"},
        (QT_TRANSLATE_NOOP("failures", "No file has {length} bytes at {offset}."),),
        QT_TRANSLATE_NOOP("failures", "Begin at 0, and ask for a length that isn't negative."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_range"},
        (QT_TRANSLATE_NOOP("failures", "No file has bytes at {offset}."),),
        QT_TRANSLATE_NOOP("failures", "Begin at 0, and ask for a length that isn't negative."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_points"},
        (QT_TRANSLATE_NOOP("failures", "{points} points can't be asked for."),),
        QT_TRANSLATE_NOOP("failures", "Ask for 1 to {points_max} points."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_matches"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "{matches} matches can't be asked for: a search ends after 1 to "
                "{matches_max} of them.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Ask for fewer, and search on from where it ended."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "line_end"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The pattern has a line end in it; a log is searched line by line, so "
                "nothing would be found.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Look for one of the lines."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "slow_pattern"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The pattern takes too long: it was looked for with {cpu_s} of processor "
                "time without getting on, as patterns that repeat a repetition do.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "Write it so that each text can match in one way only, or look for a plain text.",
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "large_pattern"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The pattern needs too much memory: a search may have {memory}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Use smaller repeat counts, or look for a plain text."),
    ),
    Refusal(
        ErrorCode.TIMED_OUT,
        {"refusal": "search_stalled"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The search was ended: nobody took what it found for {wait_s}, and others "
                "may be waiting.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Search on from where it ended."),
    ),
    Refusal(
        ErrorCode.INTERNAL,
        {"refusal": "search_died"},
        (QT_TRANSLATE_NOOP("failures", "The process that searches was lost: {why}."),),
        QT_TRANSLATE_NOOP(
            "failures", "Search again; if it stays so, look at the machine's memory."
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "no_hash"},
        (QT_TRANSLATE_NOOP("failures", "{hash} is no hash of a file or a snapshot."),),
        QT_TRANSLATE_NOOP("failures", "Use the ids that Lanherd gives."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "blob_size"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{path} expects {expected} of blob {blob}, which has {found}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Push the project again."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_manifest"},
        (QT_TRANSLATE_NOOP("failures", "The list of the project's files can't be taken: {why}."),),
        QT_TRANSLATE_NOOP("failures", "Push the project again."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_pack"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The project's files did not arrive as they were sent: {why}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Push the project again."),
    ),
    Refusal(
        ErrorCode.TOO_LARGE,
        {"refusal": "many_blobs"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "One call may ask for {blobs_max} blobs; this one asks for {blobs}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Ask in several calls."),
    ),
    Refusal(
        ErrorCode.TOO_LARGE,
        {"refusal": "large_pack"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "One pack may have {blobs_max} blobs; this one has {blobs}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Send several packs."),
    ),
    Refusal(
        ErrorCode.TOO_LARGE,
        {"refusal": "large_manifest"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The project has so many files that their list is over {manifest_bytes_max}.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Leave folders out of the project by .lanherdignore."),
    ),
    Refusal(
        ErrorCode.TOO_LARGE,
        {"refusal": "large_file"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{path} has {file}; {file_bytes_max} is the most for such a file."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Name another file."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "tree_there"},
        (QT_TRANSLATE_NOOP("failures", "The folder {folder} exists or is being built."),),
        QT_TRANSLATE_NOOP("failures", "Use another folder."),
    ),
    Refusal(
        ErrorCode.CANCELLED,
        {"refusal": "unpacking_cancelled"},
        (QT_TRANSLATE_NOOP("failures", "Unpacking the project was cancelled."),),
        QT_TRANSLATE_NOOP("failures", "Start the run again."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "rules_changed"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The rules were changed meanwhile: they are not those any more that you "
                "began with.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Look at them again, and make your change there."),
    ),
    Refusal(
        ErrorCode.STORE_FAILED,
        {"refusal": "rules_not_written"},
        (QT_TRANSLATE_NOOP("failures", "The rules can't be written to {path}: {why}."),),
        QT_TRANSLATE_NOOP(
            "failures", "Make room on the machine's disk, or let the agent's user write there."
        ),
    ),
    Refusal(
        ErrorCode.STORE_FAILED,
        {"refusal": "secrets_not_kept"},
        (QT_TRANSLATE_NOOP("failures", "The run's secrets can't be kept on the machine: {why}."),),
        QT_TRANSLATE_NOOP("failures", "Make room in the agent's home and submit the run again."),
    ),
    Refusal(
        ErrorCode.DISK_FULL,
        {"refusal": "secrets_not_kept"},
        (QT_TRANSLATE_NOOP("failures", "The run's secrets can't be kept on the machine: {why}."),),
        QT_TRANSLATE_NOOP("failures", "Make room in the agent's home and submit the run again."),
    ),
    Refusal(
        ErrorCode.DISK_FULL,
        {"refusal": "no_room"},
        (QT_TRANSLATE_NOOP("failures", "The machine could not {what}."),),
        QT_TRANSLATE_NOOP(
            "failures", "Free some space in the agent's home on that machine and try again."
        ),
    ),
    Refusal(
        ErrorCode.STORE_FAILED,
        {"refusal": "not_done"},
        (QT_TRANSLATE_NOOP("failures", "The machine could not {what}: {why}."),),
        QT_TRANSLATE_NOOP("failures", "Look at the agent's home on that machine, and at its disk."),
    ),
    Refusal(
        ErrorCode.LOCK_UNRESOLVABLE,
        {"refusal": "no_toml"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{lock} can't be made into an environment: it isn't valid TOML."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Make the lock again."),
    ),
    Refusal(
        ErrorCode.LOCK_UNRESOLVABLE,
        {"refusal": "no_list"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{lock} can't be made into an environment: its packages are no list."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Make the lock again."),
    ),
    Refusal(
        ErrorCode.LOCK_UNRESOLVABLE,
        {"refusal": "package_in_folder"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "{lock} can't be made into an environment: package {package} comes from "
                "the folder {folder} of the project.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "Export what is to be installed by 'uv export --no-emit-project "
            "--no-emit-workspace -o requirements.txt' and remove {lock} from the "
            "project.",
        ),
    ),
    Refusal(
        ErrorCode.LOCK_UNRESOLVABLE,
        {"refusal": "names_no_project"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{lock} can't be made into an environment: it names no project."
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "Export what is to be installed by 'uv export --no-emit-project "
            "--no-emit-workspace -o requirements.txt' and remove {lock} from the "
            "project.",
        ),
    ),
    Refusal(
        ErrorCode.TIMED_OUT,
        {"refusal": "python_search"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "Looking for a Python took too long: {command} didn't answer within {timeout_s}.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Look at that machine's Python installations."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_script"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The script of simulated GPUs in {file} can't be used: {why}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Correct the file, or start the agent without it."),
    ),
    Refusal(
        ErrorCode.SHUTTING_DOWN,
        {"refusal": "stopping"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The agent of this machine is stopping; its runs go on without it."
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures", "Try again when it is back; the same request is safe to send again."
        ),
    ),
)

PHRASES: tuple[str, ...] = (
    QT_TRANSLATE_NOOP("phrases", "a link"),
    QT_TRANSLATE_NOOP("phrases", "a folder"),
    QT_TRANSLATE_NOOP("phrases", "a pipe"),
    QT_TRANSLATE_NOOP("phrases", "a socket"),
    QT_TRANSLATE_NOOP("phrases", "a device"),
    QT_TRANSLATE_NOOP("phrases", "viewer"),
    QT_TRANSLATE_NOOP("phrases", "user"),
    QT_TRANSLATE_NOOP("phrases", "operator"),
    QT_TRANSLATE_NOOP("phrases", "admin"),
    QT_TRANSLATE_NOOP("phrases", "command"),
    QT_TRANSLATE_NOOP("phrases", "pre command"),
    QT_TRANSLATE_NOOP("phrases", "post command"),
    QT_TRANSLATE_NOOP("phrases", "exit codes"),
    QT_TRANSLATE_NOOP("phrases", "signals"),
    QT_TRANSLATE_NOOP("phrases", "prepare its store of snapshots"),
    QT_TRANSLATE_NOOP("phrases", "store the project's files"),
    QT_TRANSLATE_NOOP("phrases", "store the snapshot"),
    QT_TRANSLATE_NOOP("phrases", "read the snapshot"),
    QT_TRANSLATE_NOOP("phrases", "unpack the snapshot"),
    QT_TRANSLATE_NOOP("phrases", "not a plain file"),
    QT_TRANSLATE_NOOP("phrases", "another user's"),
    QT_TRANSLATE_NOOP("phrases", "torn"),
    QT_TRANSLATE_NOOP("phrases", "too large"),
    QT_TRANSLATE_NOOP("phrases", "invalid"),
    QT_TRANSLATE_NOOP("phrases", "unreadable"),
)
"""What of a run, or what to do: the values of `what`."""
