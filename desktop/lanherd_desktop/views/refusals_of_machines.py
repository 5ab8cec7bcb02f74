"""What machines refuse as they are: roles, versions, load, environments, starts; and what a
fetch meets here."""

from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP
from lanherd_desktop.views.failures import Refusal
from lanherd_protocol.errors import ErrorCode

OF_MACHINES: tuple[Refusal, ...] = (
    Refusal(
        ErrorCode.NOT_ALLOWED,
        {"needed": None},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "{name} needs the role {needed} on that machine; this device has the role {role}.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Ask an admin of the machine for a higher role."),
    ),
    Refusal(
        ErrorCode.NOT_ALLOWED,
        {"method": None},
        (QT_TRANSLATE_NOOP("failures", "{method} can only be asked on the machine itself."),),
        QT_TRANSLATE_NOOP("failures", "Run it on that machine, or through SSH."),
    ),
    Refusal(
        ErrorCode.NOT_ALLOWED,
        {"owner": None, "verb": None},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "It belongs to {owner}; the role of this device lets you do that only with "
                "your own runs.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Ask its owner or an operator of the machine."),
    ),
    Refusal(
        ErrorCode.NOT_ALLOWED,
        {"owner": None, "role": None},
        (
            QT_TRANSLATE_NOOP(
                "failures", "It belongs to {owner}, and this device has the role {role}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Ask its owner or an operator of the machine."),
    ),
    Refusal(
        ErrorCode.OVERLOADED,
        {"waiting_max": None},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "{waiting} runs wait on this machine already; it takes at most {waiting_max}.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Wait until some have ended, or cancel some."),
    ),
    Refusal(
        ErrorCode.OVERLOADED,
        {"searches": None},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The machine does {searches} searches at once, and none of them ended meanwhile.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Try again in a moment."),
    ),
    Refusal(
        ErrorCode.OVERLOADED,
        {"waiting": None},
        (QT_TRANSLATE_NOOP("failures", "{waiting} requests are waiting for the machine's disk."),),
        QT_TRANSLATE_NOOP("failures", "Try again in a moment."),
    ),
    Refusal(
        ErrorCode.UNKNOWN_METHOD,
        {"name": None},
        (QT_TRANSLATE_NOOP("failures", "The Lanherd on that machine has no {name}."),),
        QT_TRANSLATE_NOOP("failures", "Upgrade Lanherd on that machine."),
    ),
    Refusal(
        ErrorCode.UNKNOWN_METHOD,
        {"tag": None},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The Lanherd on that machine knows no message of the kind {tag}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Upgrade Lanherd on that machine."),
    ),
    Refusal(
        ErrorCode.VERSION_MISMATCH,
        {"upgrade": "agent"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "Lanherd {our_version} and {their_version} don't speak the same protocol.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Upgrade Lanherd on that machine."),
    ),
    Refusal(
        ErrorCode.VERSION_MISMATCH,
        {"upgrade": "controller"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "Lanherd {our_version} and {their_version} don't speak the same protocol.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Upgrade Lanherd here."),
    ),
    Refusal(
        ErrorCode.TIMED_OUT,
        {"method": None},
        (QT_TRANSLATE_NOOP("failures", "{method} took longer than {timeout_s}."),),
        QT_TRANSLATE_NOOP("failures", "Try again; if it stays so, look at the machine's load."),
    ),
    Refusal(
        ErrorCode.TIMED_OUT,
        {"refusal": "no_address_answers"},
        (QT_TRANSLATE_NOOP("failures", "No address of the machine answered within {timeout_s}."),),
        QT_TRANSLATE_NOOP(
            "failures", "Check that it is on, in this network, and that no firewall is between."
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_device_name"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The device has no usable name: one line of 1 to {chars_max} characters.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Give the device a name and pair again."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "no_regex"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The pattern is no regular expression, at character {position}."
            ),
            QT_TRANSLATE_NOOP("failures", "The pattern is no regular expression."),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "Write \\ before a sign that is meant as it is, or look for it as a plain text.",
        ),
    ),
    Refusal(
        ErrorCode.STORE_FAILED,
        {"path": None},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The agent's records in {path} can't be used; runs go on without them."
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures", "Check the disk of that machine, then start the agent again."
        ),
    ),
    Refusal(
        ErrorCode.DISK_FULL,
        {"refusal": "not_written"},
        (QT_TRANSLATE_NOOP("failures", "{path} can't be written: {why}."),),
        QT_TRANSLATE_NOOP("failures", "Make room on that disk and try again."),
    ),
    Refusal(
        ErrorCode.DISK_FULL,
        {"path": None},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The change could not be written to {path}, and nothing of it was done."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Make room on that disk and try again."),
    ),
    Refusal(
        ErrorCode.BLOB_CORRUPT,
        {"blob": None},
        (
            QT_TRANSLATE_NOOP(
                "failures", "A stored part of a project is damaged and was removed: {blob}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Push the project again; check that machine's disk."),
    ),
    Refusal(
        ErrorCode.BLOB_CORRUPT,
        {"snapshot": None},
        (
            QT_TRANSLATE_NOOP(
                "failures", "A stored snapshot is damaged and was removed: {snapshot}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Push the project again; check that machine's disk."),
    ),
    Refusal(
        ErrorCode.LOCK_UNRESOLVABLE,
        {"refusal": "other_lock"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "{lock} is not the lock that the run asks for: it has changed since the "
                "environment was chosen.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Submit the run again."),
    ),
    Refusal(
        ErrorCode.ENVIRONMENT_FAILED,
        {"refusal": "no_python"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The machine has no Python {python}; its agent runs on Python {default}.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Install Python {python} there, or ask for another version."),
    ),
    Refusal(
        ErrorCode.ENVIRONMENT_FAILED,
        {"refusal": "no_index"},
        (QT_TRANSLATE_NOOP("failures", "The machine can't get the packages of {lock}."),),
        QT_TRANSLATE_NOOP(
            "failures",
            "Check that machine's way to its package index (UV_DEFAULT_INDEX, "
            "HTTPS_PROXY and SSL_CERT_FILE of its agent) and try again.",
        ),
    ),
    Refusal(
        ErrorCode.LAUNCHER_FAILED,
        {"refusal": "no_run_directory"},
        (QT_TRANSLATE_NOOP("failures", "The run's directory could not be made: {why}."),),
        QT_TRANSLATE_NOOP("failures", "Look at the agent's home directory on that machine."),
    ),
    Refusal(
        ErrorCode.LAUNCHER_FAILED,
        {"refusal": "no_folder"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The folder that it is to begin in can't be entered: {why}."
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures", "Check that the folder is there, and that the agent's user may enter it."
        ),
    ),
    Refusal(
        ErrorCode.LAUNCHER_FAILED,
        {"refusal": "not_started"},
        (QT_TRANSLATE_NOOP("failures", "The run could not be started: {why}."),),
        QT_TRANSLATE_NOOP(
            "failures", "Look at the agent's log on that machine and submit the run again."
        ),
    ),
    Refusal(
        ErrorCode.LAUNCHER_FAILED,
        {"refusal": "no_process"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The machine takes no process more: the process limit of the agent's user, "
                "or of its service, was reached.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "End processes there, or raise the limit (ulimit -u, or TasksMax of the "
            "service), and submit the run again.",
        ),
    ),
    Refusal(
        ErrorCode.COMMAND_NOT_FOUND,
        {"refusal": "no_such_command"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "There is no command {command} on the machine: neither in the run's folder "
                "nor on the PATH of its environment.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "Check its spelling, or add the package that brings it to the project's lock.",
        ),
    ),
    Refusal(
        ErrorCode.COMMAND_NOT_FOUND,
        {"refusal": "no_interpreter"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{command} is there; the interpreter that its first line names is not."
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures", "Name one that the machine has, or run it with one, as in 'bash train.sh'."
        ),
    ),
    Refusal(
        ErrorCode.COMMAND_NOT_FOUND,
        {"refusal": "no_interpreter_line"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "{command} has no interpreter line: the machine can't tell what its text "
                "is written for.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures", "Begin it with #! and its interpreter, or run it as 'bash {command}'."
        ),
    ),
    Refusal(
        ErrorCode.COMMAND_NOT_FOUND,
        {"refusal": "not_executable"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "{command} may not be executed: it is not marked as executable, or is a folder.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "Make it executable, as by 'chmod +x {command}', or name its interpreter before.",
        ),
    ),
    Refusal(
        ErrorCode.COMMAND_NOT_FOUND,
        {"refusal": "arguments_too_long"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The arguments and variables of {command} are longer than the machine "
                "takes for one command; Linux takes 128 KiB of each.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures", "Put what is long into a file of the project, and name that file instead."
        ),
    ),
    Refusal(
        ErrorCode.COMMAND_NOT_FOUND,
        {"refusal": "not_executed"},
        (QT_TRANSLATE_NOOP("failures", "The command {command} can't be run: {why}."),),
        QT_TRANSLATE_NOOP(
            "failures", "Check that the file is executable and made for this machine."
        ),
    ),
    Refusal(
        ErrorCode.TOO_LARGE,
        {"path": None},
        (QT_TRANSLATE_NOOP("failures", "{path} is too large to send."),),
        QT_TRANSLATE_NOOP("failures", "Leave folders out of the project by .lanherdignore."),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"machine": None},
        (QT_TRANSLATE_NOOP("failures", "There is no machine {machine} that is paired here."),),
        QT_TRANSLATE_NOOP("failures", "Look at the machines that are paired, or pair it again."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "no_folder"},
        (QT_TRANSLATE_NOOP("failures", "There is no folder {folder}."),),
        QT_TRANSLATE_NOOP("failures", "Make the folder first, or name another one."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "no_plain_file"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "{path} can't be written: it is {what}, and only a plain file is ever "
                "written over.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Name another file, or remove it first."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "file_there"},
        (QT_TRANSLATE_NOOP("failures", "{path} is there already."),),
        QT_TRANSLATE_NOOP("failures", "Name another file."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "kept_changing"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "{path} kept changing while it was fetched: the run is still writing it.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Fetch it again when the run has ended."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "not_written"},
        (QT_TRANSLATE_NOOP("failures", "{path} can't be written: {why}."),),
        QT_TRANSLATE_NOOP("failures", "Name a file that you may write."),
    ),
)
