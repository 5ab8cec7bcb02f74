"""The parts of one page: words on a line, the chosen one underlined; tools at the right."""

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QSizePolicy, QWidget

from lanherd_desktop.state import numbers
from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.fonts import strong_font, ui_font
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.painting import CENTER, draw_focus_ring, draw_text

_HEIGHT = 40


class _Tab(QAbstractButton):
    def __init__(self, text: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._label = text
        self._count: int | None = None
        self.setCheckable(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._tell()

    def show_text(self, text: str) -> None:
        self._label = text
        self._tell()

    def show_count(self, count: int | None) -> None:
        if count != self._count:
            self._count = count
            self._tell()

    def shown(self) -> str:
        count = "" if self._count is None else f" {numbers.count(self._count)}"
        return self._label + count

    def _tell(self) -> None:
        self.setAccessibleName(self.shown())
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        # As wide as when chosen: the neighbours stay where they are.
        return QSize(QFontMetrics(strong_font()).horizontalAdvance(self.shown()) + 6, _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        c = colours()
        rect = QRectF(self.rect())
        chosen = self.isChecked()
        colour = c.text if chosen or self.underMouse() else c.muted
        draw_text(
            painter, rect, self.shown(), strong_font() if chosen else ui_font(), colour, CENTER
        )
        if chosen:
            painter.fillRect(QRectF(0, rect.height() - 2, rect.width(), 2), c.accent)
        if self.hasFocus():
            draw_focus_ring(painter, rect.adjusted(0, 6, 0, -6), c.accent, tokens.RADIUS_CHIP)
        painter.end()


class TabBar(QWidget):
    selected = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tabs: dict[str, _Tab] = {}
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._box = QHBoxLayout()
        self._box.setSpacing(tokens.SPACE_5 - 6)
        self.corner = QHBoxLayout()
        self.corner.setSpacing(tokens.SPACE_2)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addLayout(self._box)
        whole.addStretch(1)
        whole.addLayout(self.corner)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def add_tab(self, key: str, text: str) -> None:
        tab = _Tab(text, self)
        tab.clicked.connect(lambda: self.selected.emit(key))
        self._tabs[key] = tab
        self._group.addButton(tab)
        self._box.addWidget(tab)
        if len(self._tabs) == 1:
            tab.setChecked(True)

    def set_tab_text(self, key: str, text: str) -> None:
        self._tabs[key].show_text(text)

    def set_count(self, key: str, count: int | None) -> None:
        self._tabs[key].show_count(count)

    def set_current(self, key: str) -> None:
        """Marks a tab without emitting `selected`."""
        self._tabs[key].setChecked(True)

    def current(self) -> str:
        return next((key for key, tab in self._tabs.items() if tab.isChecked()), "")

    def focus_current(self) -> None:
        """The chosen tab takes the focus."""
        self._tabs[self.current()].setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Right: 1, Qt.Key.Key_Left: -1}
        keys = list(self._tabs)
        key = Qt.Key(event.key())
        if key in steps and keys:
            at = (keys.index(self.current()) + steps[key]) % len(keys)
            self._tabs[keys[at]].setFocus()
            self._tabs[keys[at]].click()
        else:
            super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), _HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(0, self.height() - 1, self.width(), 1, colours().border)
        painter.end()
