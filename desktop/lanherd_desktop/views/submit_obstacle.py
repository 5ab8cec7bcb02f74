"""Why no machine can take a run, in the language of the window."""

from PySide6.QtCore import QCoreApplication

from lanherd_desktop.state import numbers
from lanherd_desktop.state.obstacle import Obstacle
from lanherd_desktop.views.words import sentences


def obstacle_text(found: Obstacle) -> str:
    """What no machine has, and what to do about it."""
    if found.kind == "nobody":
        return QCoreApplication.translate(
            "SubmitDialog",
            "No machine is connected. The run can be sent as soon as one of yours answers.",
        )
    if found.kind == "silent":
        return QCoreApplication.translate(
            "SubmitDialog",
            "{machine} is not connected. Choose another machine, or wait until it answers.",
        ).format(machine=found.machine)
    if not found.gpus:
        lacks = QCoreApplication.translate(
            "SubmitDialog", "{machine} has no GPU. Ask for none, or choose another machine."
        )
        nobody = QCoreApplication.translate(
            "SubmitDialog", "No connected machine has a GPU. Ask for none."
        )
        return lacks.format(machine=found.machine) if found.machine else nobody
    most = (
        QCoreApplication.translate(
            "SubmitDialog",
            "{machine} can never run this: its largest GPU has {largest}, and it has {n}.",
        )
        if found.machine
        else QCoreApplication.translate(
            "SubmitDialog",
            "No connected machine can run this: the largest GPU has {largest}, "
            "and no machine has more than {n}.",
        )
    )
    said = most.format(
        machine=found.machine,
        largest=numbers.vram_capacity(found.largest_bytes),
        n=_gpus_text(found.gpus),
    )
    return sentences(said, QCoreApplication.translate("SubmitDialog", "Ask for less."))


def _gpus_text(count: int) -> str:
    if count == 1:
        return QCoreApplication.translate("SubmitDialog", "one GPU")
    return QCoreApplication.translate("SubmitDialog", "{n} GPUs").format(n=count)
