"""One place that shows its content, or why there is none: empty, loading or failed."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.widgets.empty_state import EmptyState
from lanherd_desktop.views.widgets.error_panel import ErrorPanel
from lanherd_desktop.views.widgets.skeleton import Shape, Skeleton


class StateStack(QStackedWidget):
    def __init__(self, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._content = content
        self._skeleton = Skeleton()
        self._error_page = QWidget()
        self._error_box = QVBoxLayout(self._error_page)
        self._error_box.setContentsMargins(*(tokens.SPACE_4,) * 4)
        self._error: ErrorPanel | None = None
        self.addWidget(content)
        self.addWidget(self._skeleton)
        self.addWidget(self._error_page)

    def keep(self, *pages: EmptyState | ErrorPanel) -> None:
        """Own these from now on, shown or never: a widget without a parent outlives its window."""
        for page in pages:
            if isinstance(page, ErrorPanel):
                page.hide()
                self._error_box.addWidget(page, 0, Qt.AlignmentFlag.AlignTop)
            else:
                self.addWidget(page)

    def content(self) -> QWidget:
        return self._content

    def show_content(self) -> None:
        self._turn_to(self._content)

    def show_loading(self, shape: Shape = "rows") -> None:
        self._skeleton.set_shape(shape)
        self._turn_to(self._skeleton)
        self._skeleton.start()

    def show_empty(self, empty: EmptyState) -> None:
        if self.indexOf(empty) < 0:
            self.keep(empty)
        self._turn_to(empty)

    def show_error(self, error: ErrorPanel) -> None:
        if error is not self._error:
            if self._error is not None:
                self._error_box.removeWidget(self._error)
                self._error.hide()
            self._error = error
            self._error_box.addWidget(error, 0, Qt.AlignmentFlag.AlignTop)
        error.show()
        self._turn_to(self._error_page)

    def _turn_to(self, page: QWidget) -> None:
        if page is not self._skeleton:
            self._skeleton.stop()
        self.setCurrentWidget(page)
