"""The desktop's composition root: one application, one bridge, one window."""

import argparse
import gc
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from lanherd_client.home import controller_home
from lanherd_desktop.bridge import Bridge
from lanherd_desktop.platform.language import apply_language
from lanherd_desktop.platform.preferences import PreferencesFile
from lanherd_desktop.platform.timing import FirstPaint, TimingMarks, timing_marks
from lanherd_desktop.state.room import RoomChange
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.theme import theme
from lanherd_desktop.views.window import MainWindow


class Desktop(QObject):
    """Owns the window and what stands behind it; makes the window anew in another language."""

    def __init__(self, application: QApplication, home: Path | None, marks: TimingMarks) -> None:
        super().__init__()
        self._application = application
        self.marks = marks
        self.preferences = PreferencesFile(controller_home(home))
        theme.prepare(application, self.preferences.value.theme)
        apply_language(application, self.preferences.value.language)
        self.bridge = Bridge(home)
        self.context = WindowContext(self.bridge, self.preferences)
        self.context.room_changed.connect(self._on_room_changed)
        self.window = self._make_window()
        theme.dress(application)
        FirstPaint(self.window, marks, "window_shown")

    def start(self) -> None:
        """Show the window first, then begin to talk to machines."""
        # What exists by now lives as long as the window: a full collection that walked it all would
        # stop the GUI thread for over 50 ms.
        gc.freeze()
        self.window.show()
        QTimer.singleShot(0, self.bridge.start)

    def close(self) -> None:
        """End every stream, job and thread."""
        self.window.quit_wanted.disconnect()
        self.window.close()
        self.bridge.close()

    def _make_window(self) -> MainWindow:
        window = MainWindow(self.context)
        window.language_changed.connect(self._on_language_changed)
        window.quit_wanted.connect(self._application.quit)
        return window

    def _on_language_changed(self) -> None:
        # Not now: the sender is a widget of the window that goes.
        QTimer.singleShot(0, self._speak_anew)

    def _speak_anew(self) -> None:
        before = self.window
        place = before.place()
        before.quit_wanted.disconnect()
        apply_language(self._application, self.preferences.value.language)
        before.leave()
        self.window = self._make_window()
        self.window.take_place(place)
        self.window.show()
        before.close()
        before.deleteLater()

    def _on_room_changed(self, change: RoomChange) -> None:
        for view in self.context.room.machines.values():
            if view.telemetry is not None and view.telemetry.gpus:
                self.context.room_changed.disconnect(self._on_room_changed)
                # The page makes the card in a later slot of the same signal.
                QTimer.singleShot(0, self.window, self._watch_first_gauge)
                return

    def _watch_first_gauge(self) -> None:
        for card in self.window.machines.cards.values():
            for gauge in card.gauges:
                FirstPaint(gauge, self.marks, "first_gauge")
                gauge.update()
                return


def make_application(arguments: Sequence[str]) -> QApplication:
    """The QApplication, on the offscreen platform where there is no display."""
    if sys.platform == "linux" and not (
        os.environ.get("DISPLAY")
        or os.environ.get("WAYLAND_DISPLAY")
        or os.environ.get("QT_QPA_PLATFORM")
    ):
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    application = QApplication(list(arguments))
    application.setApplicationName("lanherd")
    application.setApplicationDisplayName("Lanherd")
    application.setDesktopFileName("lanherd")
    return application


def quit_on_signals(application: QApplication) -> None:
    """SIGTERM and SIGINT end the window as its close button does.

    Python runs a handler when it next has control: at the latest with the bridge's next tick.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: application.quit())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="lanherd", description="Lanherd's desktop window.")
    parser.add_argument("--home", type=Path, help="directory of this controller's state")
    options = parser.parse_args(arguments)
    marks = timing_marks()
    application = make_application(sys.argv[:1])
    quit_on_signals(application)
    desktop = Desktop(application, options.home, marks)
    desktop.start()
    code = application.exec()
    desktop.close()
    return code
