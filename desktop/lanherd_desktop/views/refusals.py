"""What machines refuse of what they were asked, by the values that come along: why, and what next.

A refusal whose machine brings no values stays in the machine's own words.
"""

from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP
from lanherd_desktop.views.failures import Refusal
from lanherd_protocol.errors import ErrorCode

INVALID: tuple[Refusal, ...] = (
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"position": None},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The pattern is no regular expression, at character {position}."
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "Write \\ before a sign that is meant as it is, or look for it as a plain text.",
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"grace_s": None},
        (QT_TRANSLATE_NOOP("failures", "A grace of {grace_s} can't be given there."),),
        QT_TRANSLATE_NOOP("failures", "Give it less time before SIGKILL."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "too_many_rules"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "There are {rules} rules; a machine takes at most {rules_max}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Give a rule to those projects alone that need their own."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "two_rules"},
        (
            QT_TRANSLATE_NOOP("failures", "There are two rules for the project {project}."),
            QT_TRANSLATE_NOOP("failures", "There are two rules for all runs."),
        ),
        QT_TRANSLATE_NOOP("failures", "Put their bounds into one rule."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "no_bound"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The rule for the project {project} has no bound: it would keep everything.",
            ),
            QT_TRANSLATE_NOOP(
                "failures", "The rule for all runs has no bound: it would keep everything."
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures", "Give it an age, a number of runs or a size, or leave it out."
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "zero_bound"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "Nothing would be kept: a run's files would go as it ends, before "
                "anybody could read them.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "Give a bound above zero; to remove what is there now, remove the runs' files.",
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_bound"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{most} is no positive number and can't bound what is kept."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Give a bound above zero."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_space"},
        (QT_TRANSLATE_NOOP("failures", "A bound of the free space is no positive number."),),
        QT_TRANSLATE_NOOP(
            "failures",
            "Give a number of bytes; 0 for the low disk lets runs start while there is any space.",
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "below_low_disk"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "{free_bytes_min} shall stay free, but no run is started below "
                "{low_disk}: runs would wait before the first old file is removed.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Let more stay free, or let runs start with less."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "above_disk"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{wanted} can't be free on this disk: it has {disk} in all."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Ask for less."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "out_of_reach"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "{free_bytes_min} can't be made free: with all files of ended runs "
                "removed that may go, {reachable} would be.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Ask for less, or unpin what you don't need."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"runs_max": None},
        (
            QT_TRANSLATE_NOOP(
                "failures", "A submit takes 1 to {runs_max} runs; this one has {runs}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Send fewer runs at a time."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"field": "name"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The run's name has {chars} characters; names have at most {chars_max}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Give it a shorter name."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"field": "snapshot"},
        (QT_TRANSLATE_NOOP("failures", "The run's snapshot has no valid id."),),
        QT_TRANSLATE_NOOP("failures", "Push the project again."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"field": "environment"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The run wants an environment from a lock, but has no snapshot "
                "that holds the lock.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Submit it with its project."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"field": "group.name"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The run's sweep has a name that can't be kept: one line of 1 to "
                "{chars_max} characters can.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Give the sweep another name."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"field": "group.key"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The run's key in its sweep has {chars} characters; keys have at most {chars_max}.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Give it a shorter key."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"field": "gpus.count"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "A run can't ask for {gpus} GPUs, but for 0 to {gpus_max}."
            ),
            QT_TRANSLATE_NOOP(
                "failures", "The run asks for VRAM or for kinds of GPUs, but for no GPU."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Ask for another number of GPUs."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"field": "gpus.vram_bytes"},
        (QT_TRANSLATE_NOOP("failures", "A run can't ask for {asked} bytes of VRAM."),),
        QT_TRANSLATE_NOOP("failures", "Give 0 or more, and no more than a GPU can have."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"field": "gpus.count_max"},
        (QT_TRANSLATE_NOOP("failures", "A run can't ask for {gpus} to {gpus_to} GPUs."),),
        QT_TRANSLATE_NOOP("failures", "Give at least the first number, and at most {gpus_max}."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"field": "gpus.shared"},
        (QT_TRANSLATE_NOOP("failures", "The run asks for GPUs of its own and for shared ones."),),
        QT_TRANSLATE_NOOP("failures", "Ask for one of the two, or for neither."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"field": "gpus.mig"},
        (QT_TRANSLATE_NOOP("failures", "{profile} is no profile of MIG instances."),),
        QT_TRANSLATE_NOOP("failures", "Give one as nvidia-smi tells it, such as 1g.10gb."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"field": "gpus.linked"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The run asks for MIG instances of {profile} that are linked; "
                "instances have no links to each other.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Ask for whole GPUs, or leave 'linked' out."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"field": "host.cpu_cores"},
        (QT_TRANSLATE_NOOP("failures", "A run can't be promised {cores} CPU cores."),),
        QT_TRANSLATE_NOOP("failures", "Give 0 or more; parts of one, such as 0.5, will do."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"field": "host.memory_bytes"},
        (QT_TRANSLATE_NOOP("failures", "A run can't be promised {asked} bytes of memory."),),
        QT_TRANSLATE_NOOP("failures", "Give 0 or more, and no more than a machine can have."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"field": "host.disk_bytes"},
        (QT_TRANSLATE_NOOP("failures", "A run can't be promised {asked} bytes of disk space."),),
        QT_TRANSLATE_NOOP("failures", "Give 0 or more, and no more than a machine can have."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"niceness": None},
        (QT_TRANSLATE_NOOP("failures", "A niceness of {niceness} can't be given."),),
        QT_TRANSLATE_NOOP("failures", "Give 0 (usual) to 19 (last); going first needs root."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"priority": None},
        (QT_TRANSLATE_NOOP("failures", "A priority of {priority} can't be given."),),
        QT_TRANSLATE_NOOP("failures", "Give a smaller number; the usual one is 0."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"tags": None},
        (QT_TRANSLATE_NOOP("failures", "The run has {tags} tags, or one of them twice."),),
        QT_TRANSLATE_NOOP("failures", "Give fewer tags, each once."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"time_limit_s": None},
        (QT_TRANSLATE_NOOP("failures", "A time limit of {time_limit_s} can't be kept."),),
        QT_TRANSLATE_NOOP("failures", "Give more than 0 s, or no limit."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"attempts_max": None},
        (QT_TRANSLATE_NOOP("failures", "A run can't have {attempts_max} attempts."),),
        QT_TRANSLATE_NOOP("failures", "Give 1 (no retry) or some more."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"field": "backoff_s"},
        (QT_TRANSLATE_NOOP("failures", "The pause before another attempt can't be {value} s."),),
        QT_TRANSLATE_NOOP("failures", "Give a shorter pause, not below 0 s."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"field": "backoff_s_max"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The longest pause before another attempt can't be {value} s."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Give a shorter pause, not below 0 s."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"field": "backoff_factor"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The pauses between attempts can't grow by the factor {value}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Give 1 or a little more."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"field": "jitter"},
        (QT_TRANSLATE_NOOP("failures", "The pauses between attempts can't be spread by {value}."),),
        QT_TRANSLATE_NOOP("failures", "Give 0 to 1."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"dependencies": None},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The run waits for {dependencies} others, which are too many."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Let it wait for fewer."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"cycle": None},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The runs wait for each other, so that none could ever start: {cycle}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Leave one of these dependencies out."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"bytes_max": None},
        (QT_TRANSLATE_NOOP("failures", "A log can't be capped at {bytes_max}."),),
        QT_TRANSLATE_NOOP("failures", "Give more, or less, or leave it to the machine."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"secrets": None},
        (QT_TRANSLATE_NOOP("failures", "The run has {secrets} secrets, or one of them twice."),),
        QT_TRANSLATE_NOOP("failures", "Give fewer secrets, each once."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"characters": None},
        (
            QT_TRANSLATE_NOOP(
                "failures", "A pattern has at least one character and not as many as {characters}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Ask for a part of what you look for."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"column": None},
        (QT_TRANSLATE_NOOP("failures", "The constraint can't be read, at character {column}."),),
        QT_TRANSLATE_NOOP(
            "failures", "Compare names with values, such as: vram >= 20GB and sm >= 80"
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"line": None},
        (QT_TRANSLATE_NOOP("failures", "These rules can't be taken: line {line} is wrong."),),
        QT_TRANSLATE_NOOP("failures", "Mend that line, and save the rules again."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"chars": None},
        (QT_TRANSLATE_NOOP("failures", "The notes have {chars} characters, which are too many."),),
        QT_TRANSLATE_NOOP("failures", "Write less, and put long texts into a file of the project."),
    ),
)
"""What is more exact comes first."""
