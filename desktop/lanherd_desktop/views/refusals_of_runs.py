"""What machines refuse of runs and of what is asked of them, by the refusal that they name."""

from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP
from lanherd_desktop.views.failures import Refusal
from lanherd_protocol.errors import ErrorCode

OF_RUNS: tuple[Refusal, ...] = (
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "no_command"},
        (QT_TRANSLATE_NOOP("failures", "The run has no {what}."),),
        QT_TRANSLATE_NOOP("failures", "Say what to run."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "long_command"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The run's {what} is too long: at most {arguments_max} arguments and "
                "{size_bytes_max} are taken.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Put long lists into a file of the project."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "nul_in_command"},
        (QT_TRANSLATE_NOOP("failures", "An argument of the run's {what} holds a NUL byte."),),
        QT_TRANSLATE_NOOP("failures", "Leave it out."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "many_variables"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The run has too many environment variables: there may be {variables_max}, "
                "in {size_bytes_max}.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Leave some out, or put them into a file of the project."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_variable"},
        (QT_TRANSLATE_NOOP("failures", "The environment variable {variable} can't be set."),),
        QT_TRANSLATE_NOOP(
            "failures", "Names are not empty and hold no '='; nothing holds a NUL byte."
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_run_id"},
        (QT_TRANSLATE_NOOP("failures", "{id} is no run id."),),
        QT_TRANSLATE_NOOP("failures", "Name a run as Lanherd does."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "same_run"},
        (QT_TRANSLATE_NOOP("failures", "A submit names run {run} twice."),),
        QT_TRANSLATE_NOOP("failures", "Give every run an id of its own."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_tag"},
        (QT_TRANSLATE_NOOP("failures", "{tag} can't be a tag."),),
        QT_TRANSLATE_NOOP(
            "failures", "A tag is 1 to {tag_chars_max} printable characters, with no spaces around."
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "two_outcomes"},
        (QT_TRANSLATE_NOOP("failures", "The retry rule names an outcome twice."),),
        QT_TRANSLATE_NOOP("failures", "Name each once."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_numbers"},
        (QT_TRANSLATE_NOOP("failures", "The retry rule names {what} that there are not."),),
        QT_TRANSLATE_NOOP("failures", "Name each once, from 1 to {most}."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "two_dependencies"},
        (QT_TRANSLATE_NOOP("failures", "The run waits for the same run twice."),),
        QT_TRANSLATE_NOOP("failures", "Name each once."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "waits_for_itself"},
        (QT_TRANSLATE_NOOP("failures", "Run {run} waits for itself."),),
        QT_TRANSLATE_NOOP("failures", "Leave that dependency out."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_directory"},
        (QT_TRANSLATE_NOOP("failures", "The run can't begin in {directory}: it {why}."),),
        QT_TRANSLATE_NOOP(
            "failures", "Give a folder of the project, such as 'src', or an absolute path."
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_secret_name"},
        (QT_TRANSLATE_NOOP("failures", "{secret} can't be the name of a secret."),),
        QT_TRANSLATE_NOOP(
            "failures", "Names are letters, digits and '_', and don't begin with a digit."
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "many_secrets"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The run has {secrets} secrets; a run takes at most {secrets_max}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Put several values into one secret."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "unlike_secrets"},
        (QT_TRANSLATE_NOOP("failures", "The run's secrets don't match their names."),),
        QT_TRANSLATE_NOOP("failures", "Give every secret's name once, with its value."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "no_project"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The run asks for an environment, but has no project, whose lock would say "
                "what is in it.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Submit it with a project, or without an environment."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "not_whole"},
        (QT_TRANSLATE_NOOP("failures", "The submit was to have {size}, and has another size."),),
        QT_TRANSLATE_NOOP("failures", "Nothing of it was taken: send it again."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_page"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "A page of runs holds 1 to {limit_max}, and {limit} were asked for."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Ask for the next page with the last run of the one before."),
    ),
    Refusal(
        ErrorCode.TOO_LARGE,
        {"refusal": "large_run"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The run's description is too large: with all that is told of a run it "
                "would take over {listing_bytes_max}.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Put long texts into a file of the project."),
    ),
    Refusal(
        ErrorCode.TOO_LARGE,
        {"refusal": "large_submit"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The submit is too large: with all that is told of its runs it would take "
                "over {listing_bytes_max}.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Send the runs in several submits."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "is_over"},
        (QT_TRANSLATE_NOOP("failures", "Run {run} is over: there is nothing to hold back."),),
        QT_TRANSLATE_NOOP("failures", "Restart it as a new run."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "is_started"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "Run {run} is started already; only a run that waits can be held."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Stop it, or let it end."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "loses_files"},
        (QT_TRANSLATE_NOOP("failures", "Run {run} is losing its files: their removal has begun."),),
        QT_TRANSLATE_NOOP("failures", "Restart it as a new run."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "does_not_wait"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "Run {run} does not wait any more; only runs that wait stand in line."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Choose another run."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "is_not_over"},
        (QT_TRANSLATE_NOOP("failures", "Run {run} is not over: its files are still in use."),),
        QT_TRANSLATE_NOOP("failures", "Stop it first, or wait until it has ended."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "is_pinned"},
        (QT_TRANSLATE_NOOP("failures", "Run {run} is pinned: its files are to be kept."),),
        QT_TRANSLATE_NOOP("failures", "Unpin it first."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "taken_otherwise"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "Run {run} was already submitted as something else, or by another user."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Submit it as a new run."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "other_secrets"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "Run {run} was submitted with other secrets, and can't be given other values.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Submit it as a new run."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "secrets_gone"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The secrets of run {run} are gone: they are removed when a run has ended.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Submit it anew, with its secrets."),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "no_run"},
        (QT_TRANSLATE_NOOP("failures", "This machine has no run {run}."),),
        QT_TRANSLATE_NOOP(
            "failures", "Look at the list of runs; it may belong to another machine."
        ),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "no_waiting_run"},
        (QT_TRANSLATE_NOOP("failures", "This machine has no run {run} that waits."),),
        QT_TRANSLATE_NOOP("failures", "Look at the list of runs; it may be over."),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "no_secrets"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The run's secrets are not on this machine any more: their files were removed.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Submit the run again with its secrets."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_command_id"},
        (QT_TRANSLATE_NOOP("failures", "{id} is no command id."),),
        QT_TRANSLATE_NOOP("failures", "Command ids are UUIDv7 in lower case."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "other_change"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "This command has changed something else already, and can't be used for "
                "anything else.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Send it as a new command."),
    ),
)
