"""Items side by side, on as many lines as they need."""

from PySide6.QtCore import QMargins, QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget

from lanherd_desktop.views.theme import tokens


class FlowLayout(QLayout):
    def __init__(
        self,
        parent: QWidget | None = None,
        gap_x: int = tokens.SPACE_5,
        gap_y: int = tokens.SPACE_2,
    ) -> None:
        super().__init__()
        self._items: list[QLayoutItem] = []
        self._gap_x = gap_x
        self._gap_y = gap_y
        self.setContentsMargins(QMargins())
        if parent is not None:
            parent.setLayout(self)

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._place(QRect(0, 0, width, 0), move=False)

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        self._place(rect, move=True)

    def sizeHint(self) -> QSize:
        hints = [item.sizeHint() for item in self._shown()]
        width = sum(h.width() for h in hints) + self._gap_x * max(0, len(hints) - 1)
        return QSize(width, max((h.height() for h in hints), default=0))

    def minimumSize(self) -> QSize:
        size = QSize()
        for item in self._shown():
            size = size.expandedTo(item.minimumSize())
        return size

    def _shown(self) -> list[QLayoutItem]:
        return [item for item in self._items if not item.isEmpty()]

    def _place(self, rect: QRect, *, move: bool) -> int:
        """The height that the items take; puts them there if `move`."""
        x, y, line = rect.x(), rect.y(), 0
        row: list[tuple[QLayoutItem, int, QSize]] = []
        for item in self._shown():
            hint = item.sizeHint().boundedTo(QSize(max(rect.width(), 1), 1 << 20))
            if row and x + hint.width() > rect.x() + rect.width():
                self._settle(row, y, line, move=move)
                y += line + self._gap_y
                x, line, row = rect.x(), 0, []
            row.append((item, x, hint))
            x += hint.width() + self._gap_x
            line = max(line, hint.height())
        self._settle(row, y, line, move=move)
        return y + line - rect.y()

    def _settle(
        self, row: list[tuple[QLayoutItem, int, QSize]], y: int, line: int, *, move: bool
    ) -> None:
        if not move:
            return
        for item, x, hint in row:
            item.setGeometry(QRect(QPoint(x, y + (line - hint.height()) // 2), hint))
