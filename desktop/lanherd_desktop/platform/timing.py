"""Marks of a start, for `./dev bench start`: one JSON line each, in the file that is named.

Without LANHERD_TIMING_FILE nothing is watched and nothing is written.
"""

import json
import os
import time
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QWidget

VARIABLE = "LANHERD_TIMING_FILE"


class TimingMarks:
    """Writes each mark once."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.at_ns: dict[str, int] = {}

    def mark(self, name: str) -> None:
        if name in self.at_ns:
            return
        self.at_ns[name] = time.monotonic_ns()
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"mark": name, "at_ns": self.at_ns[name]}) + "\n")


class FirstPaint(QObject):
    """Marks the moment after which a widget stands painted on the screen for the first time."""

    def __init__(self, widget: QWidget, marks: TimingMarks, name: str) -> None:
        super().__init__(widget)
        self._widget = widget
        self._marks = marks
        self._name = name
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and watched is self._widget:
            self._widget.removeEventFilter(self)
            # The filter comes before the painting, and the window is flushed after it.
            QTimer.singleShot(0, self, self._on_painted)
        return False

    def _on_painted(self) -> None:
        self._marks.mark(self._name)


def timing_marks() -> TimingMarks:
    """The marks of this process."""
    path = os.environ.get(VARIABLE)
    return TimingMarks(Path(path) if path else None)
