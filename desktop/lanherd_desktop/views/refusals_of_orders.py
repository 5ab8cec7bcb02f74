"""What is refused here of a run as it was described, before anything is sent."""

from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP
from lanherd_desktop.views.failures import Refusal
from lanherd_protocol.errors import ErrorCode

OF_ORDERS: tuple[Refusal, ...] = (
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "argument_cores"},
        (QT_TRANSLATE_NOOP("failures", "CPU cores are a number, and were given as {given}."),),
        QT_TRANSLATE_NOOP("failures", "Write a number, such as 4 or 0.5."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "gpu_range"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The number of GPUs is a whole number, or from..to, and was given as {given}.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Write a number, such as 1, or 1..4."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "gpu_range_order"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "A number of GPUs goes from the least to the most, and begins at 1; it was "
                "given as {given}.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Write the smaller number first, such as 1..4."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "gpu_count"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "A run can ask for 0 to {gpus_max} GPUs, and {given} were asked for."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Ask for another number of GPUs."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "wishes_of_no_gpu"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "Something is asked of GPUs ({options}), and no GPU is asked for."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Say how many GPUs it needs, or leave that out."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "shared_and_exclusive"},
        (QT_TRANSLATE_NOOP("failures", "The run asks for GPUs of its own and for shared ones."),),
        QT_TRANSLATE_NOOP("failures", "Ask for one of the two, or for neither."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "one_gpu_linked"},
        (QT_TRANSLATE_NOOP("failures", "Only several GPUs can be linked, and one is asked for."),),
        QT_TRANSLATE_NOOP("failures", "Ask for more GPUs, or leave 'linked' out."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "no_profile"},
        (QT_TRANSLATE_NOOP("failures", "{given} is no profile of MIG instances."),),
        QT_TRANSLATE_NOOP("failures", "Give one as nvidia-smi tells it, such as 1g.10gb."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "beside_word"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "Beside other people's processes a run waits, or shares what is left; it was "
                "given as {given}.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Write one of {words}."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "argument_words"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{argument} is a list of words, and was given as {given}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Write a list of texts."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "argument_word"},
        (QT_TRANSLATE_NOOP("failures", "{argument} is {given}, which is no text."),),
        QT_TRANSLATE_NOOP("failures", "Write a list of texts."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "empty_secret"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The value of the secret {secret} is empty: a command that needs it would fail.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Give its value, or leave the secret out."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "variable_of_gpus"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The variable {variable} can't be set: it says which GPUs a run has, and that "
                "is for the machine to say.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Leave it out, or give it another name."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "variable_of_lanherd"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The variable {variable} can't be set: names that begin with LANHERD_ are what "
                "Lanherd itself tells a command.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Leave it out, or give it another name."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "argument_signals"},
        (QT_TRANSLATE_NOOP("failures", "{argument} are signals, and were given as {given}."),),
        QT_TRANSLATE_NOOP("failures", "Write names or numbers, such as SEGV or 9."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "argument_duration"},
        (QT_TRANSLATE_NOOP("failures", "{argument} is a time, and was given as {given}."),),
        QT_TRANSLATE_NOOP(
            "failures",
            "Write a number and a unit, such as 90s, 45m, 2h30m or 7d; a bare number is seconds.",
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "argument_long"},
        (QT_TRANSLATE_NOOP("failures", "{argument} is more than 30 years."),),
        QT_TRANSLATE_NOOP("failures", "Give a shorter one."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "argument_size"},
        (QT_TRANSLATE_NOOP("failures", "{argument} is a size, and was given as {given}."),),
        QT_TRANSLATE_NOOP("failures", "Write a number and a unit, such as 2GB or 512MB."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "argument_huge"},
        (QT_TRANSLATE_NOOP("failures", "{argument} is too large."),),
        QT_TRANSLATE_NOOP("failures", "Give a smaller one."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "argument_without_unit"},
        (QT_TRANSLATE_NOOP("failures", "{argument} would be {given} bytes."),),
        QT_TRANSLATE_NOOP("failures", "Write its unit, such as {given}GB."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "argument_kind"},
        (
            QT_TRANSLATE_NOOP("failures", "{argument} is {what}, and was given as {given}."),
            QT_TRANSLATE_NOOP("failures", "{argument} is {what}, and was given as something else."),
        ),
        QT_TRANSLATE_NOOP("failures", "Write it as that."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "stop_signal"},
        (QT_TRANSLATE_NOOP("failures", "A run can't be stopped with the signal {given}."),),
        QT_TRANSLATE_NOOP("failures", "Write one of {signals}."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "run_by_part"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{given} is no run: a run is named by its handle or its whole id here."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Find it first; its whole id stands in its details."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "short_limit"},
        (QT_TRANSLATE_NOOP("failures", "A time limit is a millisecond at least."),),
        QT_TRANSLATE_NOOP("failures", "Give it more time, or leave it out for no limit."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "retries_twice"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The retries are said twice: by a rule, and by {options}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Put all of it into the rule, or leave the rule out."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "retries_unsaid"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{options} was given, but not how often the run is to be tried again."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Say how many retries there are, such as 3."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "retry_cause"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "A run is tried again after certain ends only; {given} is none of them."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Write one or more of {causes}."),
    ),
)

KINDS_OF_ARGUMENTS: tuple[str, ...] = (
    QT_TRANSLATE_NOOP("phrases", "switch"),
    QT_TRANSLATE_NOOP("phrases", "mapping"),
    QT_TRANSLATE_NOOP("phrases", "no regular file"),
)
"""Values of `what`."""
