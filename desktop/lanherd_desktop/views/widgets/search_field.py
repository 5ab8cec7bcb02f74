"""One search or filter of a page."""

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from lanherd_desktop.views.theme.icons import IconName, icon

_DEBOUNCE_MS = 120


class SearchField(QLineEdit):
    """`query_changed` follows the typing a little later; Enter sends it at once."""

    query_changed = Signal(str)
    cancelled = Signal()

    def __init__(self, placeholder: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sent = ""
        self.set_placeholder(placeholder)
        self.setMinimumWidth(140)
        self._glass = QAction(self)
        self.addAction(self._glass, QLineEdit.ActionPosition.LeadingPosition)
        self._clear = QAction(self)
        self._clear.setToolTip(self.tr("Clear"))
        self._clear.setVisible(False)
        self._clear.triggered.connect(lambda: self.set_query(""))
        self.addAction(self._clear, QLineEdit.ActionPosition.TrailingPosition)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DEBOUNCE_MS)
        self._timer.timeout.connect(self._send)
        self.textChanged.connect(self._on_text)
        self._tint()

    def set_placeholder(self, text: str) -> None:
        self.setPlaceholderText(text)
        self.setAccessibleName(text)

    def query(self) -> str:
        return self.text().strip()

    def sent(self) -> str:
        """The query that was told last."""
        return self._sent

    def set_query(self, text: str) -> None:
        self.setText(text)
        self._timer.stop()
        self._send()

    def _on_text(self, text: str) -> None:
        self._clear.setVisible(bool(text))
        self._timer.start()

    def _send(self) -> None:
        query = self.query()
        if query != self._sent:
            self._sent = query
            self.query_changed.emit(query)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            if self.text():
                self.set_query("")
            else:
                self.cancelled.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._timer.stop()
            self._send()
            super().keyPressEvent(event)
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._tint()

    def _tint(self) -> None:
        if hasattr(self, "_glass"):
            self._glass.setIcon(icon(IconName.SEARCH, "muted", 16))
            self._clear.setIcon(icon(IconName.X, "muted", 16))
