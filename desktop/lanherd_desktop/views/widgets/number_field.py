"""A whole number to choose, with the same inner margin as the other fields."""

from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QSpinBox, QWidget

_TEXT_MARGIN = 7


class NumberField(QSpinBox):
    def __init__(
        self, low: int = 0, high: int = 999, suffix: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setRange(low, high)
        self.setSuffix(suffix)
        # A style sheet's padding doesn't reach the field inside a spin box.
        self.lineEdit().setTextMargins(_TEXT_MARGIN, 0, 0, 0)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Only with focus: scrolling a page mustn't change its numbers."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()
