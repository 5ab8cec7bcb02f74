"""The text of a rules file: numbered lines, those with something wrong marked."""

from collections.abc import Iterable

from PySide6.QtCore import QRect, QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent, QTextCursor, QTextFormat
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.fonts import mono_font
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.painting import RIGHT, draw_text, with_alpha


class RulesText(QPlainTextEdit):
    """Lines count from 1. A text that is put keeps what can be undone."""

    def __init__(self) -> None:
        super().__init__()
        self.setFont(mono_font(tokens.FONT_BASE))
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setTabChangesFocus(True)
        self.setAccessibleName(self.tr("The rules as text"))
        self._wrong: frozenset[int] = frozenset()
        self._gutter = _Gutter(self)
        self.blockCountChanged.connect(self._fit)
        self.updateRequest.connect(self._on_scrolled)
        self._fit()

    def put_text(self, text: str) -> None:
        """As if somebody had written it: it can be undone."""
        if text == self.toPlainText():
            return
        place = self.textCursor().position()
        cursor = self.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)
        cursor.setPosition(min(place, len(self.toPlainText())))
        self.setTextCursor(cursor)

    def mark(self, lines: Iterable[int]) -> None:
        self._wrong = frozenset(lines)
        marked = []
        for line in sorted(self._wrong):
            block = self.document().findBlockByNumber(line - 1)
            if not block.isValid():
                continue
            selection = QTextEdit.ExtraSelection()
            selection.format.setBackground(with_alpha(colours().danger, 0.16))
            selection.format.setProperty(QTextFormat.Property.FullWidthSelection, True)
            selection.cursor = QTextCursor(block)
            marked.append(selection)
        self.setExtraSelections(marked)
        self._gutter.update()

    def go_to(self, line: int) -> None:
        """Put the cursor there."""
        block = self.document().findBlockByNumber(line - 1)
        if block.isValid():
            self.setTextCursor(QTextCursor(block))
            self.centerCursor()
        self.setFocus()

    @property
    def gutter_width(self) -> int:
        digits = max(2, len(str(self.blockCount())))
        return 14 + self.fontMetrics().horizontalAdvance("9") * digits

    def _fit(self) -> None:
        self.setViewportMargins(self.gutter_width, 0, 0, 0)

    def _on_scrolled(self, rect: QRect, dy: int) -> None:
        if dy:
            self._gutter.scroll(0, dy)
        else:
            self._gutter.update(0, rect.y(), self._gutter.width(), rect.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        area = self.contentsRect()
        self._gutter.setGeometry(area.left() + 1, area.top(), self.gutter_width, area.height())

    def paint_numbers(self, painter: QPainter, rect: QRect) -> None:
        c = colours()
        block = self.firstVisibleBlock()
        shift = self.contentOffset().y() + self.viewport().y() - self._gutter.y()
        while block.isValid():
            place = self.blockBoundingGeometry(block).translated(0, shift)
            if place.top() > rect.bottom():
                break
            number = block.blockNumber() + 1
            colour = c.danger if number in self._wrong else c.muted
            area = QRectF(0, place.top(), self.gutter_width - 8, place.height())
            draw_text(painter, area, str(number), self.font(), colour, RIGHT)
            block = block.next()


class _Gutter(QWidget):
    def __init__(self, text: RulesText) -> None:
        super().__init__(text)
        self._text = text

    def sizeHint(self) -> QSize:
        return QSize(self._text.gutter_width, 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._text.paint_numbers(painter, event.rect())
        painter.end()
