"""The line of numbers above a run: how long, how much, where, and what is to come."""

from PySide6.QtCore import QCoreApplication

from lanherd_desktop.state import numbers
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.countdowns import Countdown, countdown
from lanherd_desktop.state.room import RunKey, is_ended
from lanherd_desktop.state.run_numbers import run_numbers
from lanherd_desktop.state.runs import chip_kind
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.widgets.numbers_line import Number
from lanherd_desktop.views.words import last_seen
from lanherd_protocol.states import Preparing, Queued, RunView, is_live


def detail_numbers(context: WindowContext, key: RunKey, view: RunView) -> list[Number]:
    """What is live only while the machine can be asked."""
    figures = run_numbers(view, context.room.machines.get(key[0]), context.now)
    known_to = context.now if figures.silent_since is None else figures.silent_since
    shown = _duration(view, figures.seconds, known_to)
    where = context.machine_name(key[0])
    measured = is_live(view.state) and figures.silent_since is None
    for gpu in figures.gpus if measured else ():
        label = QCoreApplication.translate("RunDetail", "GPU {index} on {machine}")
        label = label.format(index=gpu.number, machine=where)
        shown.append(Number(numbers.percent(gpu.utilisation_percent), label))
        if gpu.asked_bytes:
            asked = QCoreApplication.translate("RunDetail", "of {asked} asked")
            shown.append(
                Number(
                    numbers.vram(gpu.used_bytes),
                    asked.format(asked=numbers.vram_capacity(gpu.asked_bytes)),
                )
            )
    machine = QCoreApplication.translate("RunDetail", "machine")
    if not measured:
        held = " · ".join(f"GPU {gpu.number}" for gpu in figures.gpus)
        shown.append(Number(where, held or machine))
    elif not figures.gpus:
        shown.append(Number(where, machine))
    if figures.silent_since is not None:
        shown.append(Number("", last_seen(figures.silent_since, context.now)))
    else:
        coming = countdown(view, context.now)
        if coming is not None:
            shown.append(Number(_left(coming), _countdown_label(coming)))
    if view.attempt > 1 or view.spec.retry.attempts_max > 1:
        shown.append(_attempt_number(view))
    return shown


def _attempt_number(view: RunView) -> Number:
    most = view.spec.retry.attempts_max
    if most <= 1:
        return Number(str(view.attempt), QCoreApplication.translate("RunDetail", "attempt"))
    label = QCoreApplication.translate("RunDetail", "of {count} attempts").format(count=most)
    return Number(str(view.attempt), label)


def _left(coming: Countdown) -> str:
    """To the second where it is near: there it is watched."""
    return (
        numbers.clock(coming.seconds) if coming.seconds < 3600 else numbers.duration(coming.seconds)
    )


def _countdown_label(coming: Countdown) -> str:
    texts = {
        "limit": QCoreApplication.translate("RunDetail", "until its time is over"),
        "retry": QCoreApplication.translate("RunDetail", "until the next attempt"),
        "kill": QCoreApplication.translate("RunDetail", "until it is killed"),
    }
    return texts[coming.kind]


def _duration(view: RunView, seconds: float | None, known_to: float) -> list[Number]:
    """How long it ran, or has waited; nothing of a run that ended before it was started."""
    if seconds is not None:
        return [Number(numbers.duration(seconds), _duration_label(view))]
    match view.state:
        case Queued(since=since):
            label = QCoreApplication.translate("RunDetail", "waiting")
        case Preparing(since=since):
            label = QCoreApplication.translate("RunDetail", "preparing")
        case _:
            return []
    return [Number(numbers.duration(max(0.0, known_to - since)), label)]


def _duration_label(view: RunView) -> str:
    if is_ended(view):
        return QCoreApplication.translate("RunDetail", "in all")
    if chip_kind(view) == ChipKind.RUNNING:
        return QCoreApplication.translate("RunDetail", "running")
    return QCoreApplication.translate("RunDetail", "so far")
