"""The beginning of a text file, plain: the log's own view without following."""

from PySide6.QtWidgets import QVBoxLayout, QWidget

from lanherd_desktop.state import numbers
from lanherd_desktop.state.log_buffer import LogBuffer
from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.log_pane import LogPane, LogState

TEXT_BYTES_MAX = 2 * 1024 * 1024


class TextPreview(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pane = LogPane()
        self._pane.set_following(False)
        self._pane.setAccessibleName(self.tr("Text"))
        self._pane.set_state(LogState.EMPTY, self.tr("This file is empty."))
        self._note = Label("", "small")
        self._note.hide()
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(tokens.SPACE_1)
        whole.addWidget(self._pane, 1)
        whole.addWidget(self._note)

    def pane(self) -> LogPane:
        return self._pane

    def note(self) -> str:
        return self._note.text()

    def set_bytes(self, data: bytes, complete: bool = True) -> None:
        """The file's beginning; `complete` says that it is all of it."""
        shown = data[:TEXT_BYTES_MAX]
        buffer = LogBuffer()
        buffer.append(shown)
        self._pane.set_buffer(buffer)
        self._pane.set_following(False)
        self._pane.verticalScrollBar().setValue(0)
        cut = not complete or len(shown) < len(data)
        self._note.setVisible(cut)
        if cut:
            self._note.set_text(
                self.tr("The first {0}. Fetch the file to have all of it.").format(
                    numbers.size(len(shown))
                )
            )
