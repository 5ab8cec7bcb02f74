"""What machines refuse since it isn't there, or not with them, by the values that come along."""

from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP
from lanherd_desktop.views.failures import Refusal
from lanherd_protocol.errors import ErrorCode

NOT_HERE: tuple[Refusal, ...] = (
    Refusal(
        ErrorCode.IMPOSSIBLE_REQUEST,
        {"field": "host.cpu_cores"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "It asks for {asks_cores} CPU cores; the machine has {has_cores}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Ask for less, or choose another machine."),
    ),
    Refusal(
        ErrorCode.IMPOSSIBLE_REQUEST,
        {"field": "host.memory_bytes"},
        (QT_TRANSLATE_NOOP("failures", "It asks for {asks} of memory; the machine has {has}."),),
        QT_TRANSLATE_NOOP("failures", "Ask for less, or choose another machine."),
    ),
    Refusal(
        ErrorCode.IMPOSSIBLE_REQUEST,
        {"field": "host.disk_bytes"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "It asks for {asks} of disk space; the machine has {has}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Ask for less, or choose another machine."),
    ),
    Refusal(
        ErrorCode.IMPOSSIBLE_REQUEST,
        {"field": "gpus.vram_bytes"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "It asks for {asks_gpus} GPUs with {asks} each; of GPU {gpu}, "
                "which has {total}, the driver itself keeps {driver}.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Ask for {most} or less, or choose another machine."),
    ),
    Refusal(
        ErrorCode.IMPOSSIBLE_REQUEST,
        {"field": "gpus.where"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "It asks for {asks_gpus} GPUs that match {where}; of the machine's "
                "{gpus_of_kind}, {gpus} do: {why}.",
            ),
            QT_TRANSLATE_NOOP(
                "failures",
                "It asks for {asks_gpus} GPUs that match {where}; of the machine's "
                "{gpus_of_kind}, {gpus} do, and {gpus_large_enough} of them have "
                "as much VRAM.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Ask for less, or choose another machine."),
    ),
    Refusal(
        ErrorCode.IMPOSSIBLE_REQUEST,
        {"field": "rules", "kind": "user"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "It asks for {asks_gpus} GPUs; runs of {name} may have {gpus_max} here."
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures", "Ask for less, choose another machine, or ask the owner of this one."
        ),
    ),
    Refusal(
        ErrorCode.IMPOSSIBLE_REQUEST,
        {"field": "rules", "kind": "tag"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "It asks for {asks_gpus} GPUs; runs with the tag {name} may have {gpus_max} here.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures", "Ask for less, choose another machine, or ask the owner of this one."
        ),
    ),
    Refusal(
        ErrorCode.IMPOSSIBLE_REQUEST,
        {"field": "rules"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "It asks for {asks_gpus} GPUs; the rules of the machine let runs "
                "have {gpus} of that kind.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures", "Ask for less, choose another machine, or ask the owner of this one."
        ),
    ),
    Refusal(
        ErrorCode.TIMED_OUT,
        {"environment": None},
        (QT_TRANSLATE_NOOP("failures", "Building the environment took over {timeout_s}."),),
        QT_TRANSLATE_NOOP("failures", "Submit it again: what was downloaded is kept."),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"removed_at": None},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The files of run {run} were removed, by somebody or by a rule of the machine.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures", "Pin a run to keep its files; restart it to have them made again."
        ),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"other": None},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "Run {run} waits for another run, {other}, which this machine does not have.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Submit that one to the same machine first."),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"gpu": None},
        (QT_TRANSLATE_NOOP("failures", "This machine has no GPU {gpu}."),),
        QT_TRANSLATE_NOOP("failures", "Name one by its number, or by its UUID."),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"device": None},
        (QT_TRANSLATE_NOOP("failures", "No such device is paired with this machine: {device}."),),
        QT_TRANSLATE_NOOP("failures", "Look at the devices that are paired with it."),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"directory": None},
        (QT_TRANSLATE_NOOP("failures", "The run can't begin in {directory}."),),
        QT_TRANSLATE_NOOP(
            "failures",
            "Check its spelling, and that the project's folder is not left out by an ignore rule.",
        ),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"snapshot": None},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The project as it was sent, {snapshot}, is not on this machine."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Submit the run again with its project."),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"path": None},
        (QT_TRANSLATE_NOOP("failures", "{path} isn't there any more, or is no plain file."),),
        QT_TRANSLATE_NOOP("failures", "Look at the list again: it may have been moved."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"command": None},
        (QT_TRANSLATE_NOOP("failures", "This change was sent already with another content."),),
        QT_TRANSLATE_NOOP("failures", "Make the change once more."),
    ),
    Refusal(
        ErrorCode.TOO_LARGE,
        {"runs_max": None},
        (
            QT_TRANSLATE_NOOP(
                "failures", "A submit takes 1 to {runs_max} runs; this one has {runs}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Send fewer runs at a time."),
    ),
    Refusal(
        ErrorCode.TOO_LARGE,
        {"size_bytes_max": None},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The submit takes {size}; one submit may have {size_bytes_max}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Send the runs in several submits."),
    ),
    Refusal(
        ErrorCode.TOO_LARGE,
        {"secret": None},
        (QT_TRANSLATE_NOOP("failures", "The secret {secret} is too large."),),
        QT_TRANSLATE_NOOP("failures", "Put large files on the machine by another way."),
    ),
)
"""What is more exact comes first."""
