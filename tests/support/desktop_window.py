"""The desktop's real window for the length of a block, and nothing of it afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from lanherd_desktop.app import Desktop
from lanherd_desktop.platform.language import apply_language
from lanherd_desktop.platform.timing import TimingMarks
from lanherd_desktop.state.room import RoomUpdate
from lanherd_desktop.views.theme import theme


@contextmanager
def open_desktop(
    application: QApplication, home: Path | None = None, *, connected: bool = True
) -> Iterator[Desktop]:
    """The desktop as `lanherd` starts it. Not `connected`: without its thread and its network."""
    desktop = Desktop(application, home, TimingMarks(None))
    if connected:
        desktop.start()
    else:
        desktop.window.show()
    try:
        yield desktop
    finally:
        desktop.close()
        desktop.window.deleteLater()
        delete_now()
        apply_language(application, "en")
        # Bare, as an application begins: the next window is built before it is dressed.
        theme.prepare(application, "dark")
        application.setStyleSheet("")


def show_room(desktop: Desktop, update: RoomUpdate) -> None:
    """Tell the window what is in the room, and let it make all the cards of it."""
    desktop.bridge.room_updated.emit(update)
    finish_cards(desktop)


def finish_cards(desktop: Desktop) -> None:
    """Cards of many machines come in slices."""
    while desktop.window.machines.building:
        QCoreApplication.processEvents()


def delete_now() -> None:
    """Let go what was asked to be deleted later."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    QCoreApplication.processEvents()
