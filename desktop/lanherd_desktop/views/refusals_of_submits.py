"""What is refused here, before anything is sent: the choice of a machine, and the project."""

from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP
from lanherd_desktop.views.failures import Refusal
from lanherd_protocol.errors import ErrorCode

OF_SUBMITS: tuple[Refusal, ...] = (
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "several_machines"},
        (QT_TRANSLATE_NOOP("failures", "{machine} names several machines: {machines}."),),
        QT_TRANSLATE_NOOP("failures", "Write more of the name."),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "no_such_machine"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "No machine is called {machine}; known machines: {machines}."
            ),
            QT_TRANSLATE_NOOP("failures", "No machine is called {machine}; none is known."),
        ),
        QT_TRANSLATE_NOOP("failures", "Look at the list of machines, or pair it."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "empty_machine"},
        (QT_TRANSLATE_NOOP("failures", "An empty name names no machine."),),
        QT_TRANSLATE_NOOP("failures", "Write a name, or leave it out where any machine will do."),
    ),
    Refusal(
        ErrorCode.UNREACHABLE,
        {"refusal": "not_answered_yet"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{machine} has not answered yet: the connection is being made."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Try again in a few seconds."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "waits_elsewhere"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "A run can wait only for runs of its own machine: it goes to {machine}, and "
                "waits for a run on {machines}.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures", "Choose the machine of the runs that it waits for, or let Lanherd choose."
        ),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "none_paired"},
        (QT_TRANSLATE_NOOP("failures", "No machine is paired yet."),),
        QT_TRANSLATE_NOOP("failures", "Pair one."),
    ),
    Refusal(
        ErrorCode.UNREACHABLE,
        {"refusal": "none_connected"},
        (QT_TRANSLATE_NOOP("failures", "None of the paired machines answers: {machines}."),),
        QT_TRANSLATE_NOOP("failures", "Look at the list of machines for why."),
    ),
    Refusal(
        ErrorCode.IMPOSSIBLE_REQUEST,
        {"refusal": "none_suits"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "No connected machine suits this run, which asks for {asks}. There are: {has}.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Ask for less, or wait for a machine that has it."),
    ),
    Refusal(
        ErrorCode.TOO_LARGE,
        {"refusal": "many_runs"},
        (QT_TRANSLATE_NOOP("failures", "It has {runs} runs; one submit takes {runs_max}."),),
        QT_TRANSLATE_NOOP("failures", "Send the runs in several submits. Nothing was sent."),
    ),
    Refusal(
        ErrorCode.TOO_LARGE,
        {"refusal": "many_bytes"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "Its runs take {size}; one submit takes {size_bytes_max}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Send the runs in several submits. Nothing was sent."),
    ),
    Refusal(
        ErrorCode.VERSION_MISMATCH,
        {"refusal": "old_for_submit"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The Lanherd on {machine} takes no {runs} runs at once. Nothing of them was taken.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures", "Upgrade Lanherd on {machine}, or send the runs in several submits."
        ),
    ),
    Refusal(
        ErrorCode.PROJECT_UNREADABLE,
        {"refusal": "system_refused"},
        (QT_TRANSLATE_NOOP("failures", "{path} can't be read. The system says: {problem}."),),
        QT_TRANSLATE_NOOP("failures", "Mend it, or leave it out by a line in .lanherdignore."),
    ),
    Refusal(
        ErrorCode.PROJECT_UNREADABLE,
        {"refusal": "odd_ignore_rules"},
        (QT_TRANSLATE_NOOP("failures", "The rules in {path} make no sense: {problem}."),),
        QT_TRANSLATE_NOOP("failures", "Mend the rules, one to a line."),
    ),
    Refusal(
        ErrorCode.PROJECT_UNREADABLE,
        {"refusal": "no_toml"},
        (QT_TRANSLATE_NOOP("failures", "{path} is no TOML: {problem}."),),
        QT_TRANSLATE_NOOP("failures", "Mend it."),
    ),
    Refusal(
        ErrorCode.PROJECT_UNREADABLE,
        {"refusal": "odd_ignore_list"},
        (QT_TRANSLATE_NOOP("failures", "In {path}, 'ignore' is no list of texts."),),
        QT_TRANSLATE_NOOP("failures", 'Write it as in ignore = ["data/", "*.log"].'),
    ),
    Refusal(
        ErrorCode.PROJECT_UNREADABLE,
        {"refusal": "project_is_file"},
        (QT_TRANSLATE_NOOP("failures", "{path} is a file, not a folder."),),
        QT_TRANSLATE_NOOP("failures", "Choose the folder that holds the program."),
    ),
    Refusal(
        ErrorCode.PROJECT_UNREADABLE,
        {"refusal": "no_such_folder"},
        (QT_TRANSLATE_NOOP("failures", "There is no folder {path}."),),
        QT_TRANSLATE_NOOP("failures", "Choose a folder that exists."),
    ),
    Refusal(
        ErrorCode.PROJECT_UNREADABLE,
        {"refusal": "large_lock"},
        (QT_TRANSLATE_NOOP("failures", "{path} has more than {bytes_max}."),),
        QT_TRANSLATE_NOOP("failures", "Make a new lock."),
    ),
    Refusal(
        ErrorCode.PROJECT_UNREADABLE,
        {"refusal": "no_part_of_a_project"},
        (QT_TRANSLATE_NOOP("failures", "{path} is {what}, which can't be part of a snapshot."),),
        QT_TRANSLATE_NOOP("failures", "Leave it out by a line in .lanherdignore."),
    ),
    Refusal(
        ErrorCode.PROJECT_UNREADABLE,
        {"refusal": "unkept_name"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The name of {path} can't be kept on every machine: it {why}."
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures", "Rename it, or leave its folder out by a line in .lanherdignore."
        ),
    ),
    Refusal(
        ErrorCode.PROJECT_UNREADABLE,
        {"refusal": "link_outside"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "{path} is a link to {target}, which is outside the project or leads through "
                "'..' there.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "Put the files into the project, or leave the link out by a line in .lanherdignore.",
        ),
    ),
    Refusal(
        ErrorCode.PROJECT_UNREADABLE,
        {"refusal": "project_unreadable"},
        (QT_TRANSLATE_NOOP("failures", "{path} can't be read."),),
        QT_TRANSLATE_NOOP("failures", "Mend it, or leave it out by a line in .lanherdignore."),
    ),
    Refusal(
        ErrorCode.PROJECT_EMPTY,
        {"refusal": "nothing_to_send"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "All {left_out} entries of {path} are left out by ignore rules."
            ),
            QT_TRANSLATE_NOOP("failures", "{path} has no files."),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "Choose the folder that holds the program, or change .lanherdignore or .gitignore.",
        ),
    ),
    Refusal(
        ErrorCode.PROJECT_CHANGED,
        {"refusal": "written_meanwhile"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "{path} changed while it was read: a snapshot holds each file as it was at one "
                "moment.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "Wait until it is written and try again, or leave it out by a line in .lanherdignore.",
        ),
    ),
    Refusal(
        ErrorCode.TOO_LARGE,
        {"refusal": "many_files"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{path} has more than {files_max} files and empty folders."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Leave folders out by lines in .lanherdignore."),
    ),
    Refusal(
        ErrorCode.TOO_LARGE,
        {"refusal": "no_manifest"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The list of the files in {path} can't be sent: {problem}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Leave folders out by lines in .lanherdignore."),
    ),
    Refusal(
        ErrorCode.CANCELLED,
        {"refusal": "push_cancelled"},
        (QT_TRANSLATE_NOOP("failures", "The sending of the project was cancelled."),),
        QT_TRANSLATE_NOOP("failures", "Submit the run again: what was sent is kept."),
    ),
    Refusal(
        ErrorCode.PROTOCOL_ERROR,
        {"refusal": "unknown_blob"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The machine asked for something that isn't part of the project: {blob}.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Update Lanherd on that machine."),
    ),
    Refusal(
        ErrorCode.PROJECT_UNREADABLE,
        {"refusal": "odd_rule"},
        (QT_TRANSLATE_NOOP("failures", "{rule} is no rule for {path}: a rule is one line."),),
        QT_TRANSLATE_NOOP("failures", "Write one line, such as '/data/' or '*.ckpt'."),
    ),
    Refusal(
        ErrorCode.PROJECT_UNREADABLE,
        {"refusal": "long_rule_file"},
        (QT_TRANSLATE_NOOP("failures", "{path} has more than {bytes_max}."),),
        QT_TRANSLATE_NOOP("failures", "Make it shorter."),
    ),
)
