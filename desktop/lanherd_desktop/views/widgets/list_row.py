"""Two-line rows of a list: chip, title and time above, place or reason below."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from lanherd_desktop.models.roles import RowRole
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.fonts import strong_font, ui_font
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.chip import chip_width, paint_chip
from lanherd_desktop.views.widgets.painting import LEFT, RIGHT, draw_text, elided

_HEIGHT = 60
_Index = QModelIndex | QPersistentModelIndex


def _text(index: _Index, role: RowRole) -> str:
    value = index.data(role)
    return " ".join(value.split("\n")) if isinstance(value, str) else ""


class ListRowDelegate(QStyledItemDelegate):
    def sizeHint(self, _option: QStyleOptionViewItem, _index: _Index) -> QSize:
        return QSize(240, _HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(option.rect)
        self._paint_ground(painter, option, rect)
        area = rect.adjusted(tokens.SPACE_4, tokens.SPACE_2, -tokens.SPACE_4, -tokens.SPACE_2)
        self._paint_head(painter, area, index)
        self._paint_subtitle(painter, area, index)
        painter.restore()

    @staticmethod
    def _paint_ground(painter: QPainter, option: QStyleOptionViewItem, rect: QRectF) -> None:
        c = colours()
        state = option.state
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(rect, c.raised)
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, c.hover)
        painter.fillRect(QRectF(rect.left(), rect.bottom() - 1, rect.width(), 1), c.border)
        if selected and state & QStyle.StateFlag.State_HasFocus:
            painter.fillRect(QRectF(rect.left(), rect.top(), 3, rect.height() - 1), c.accent)

    @staticmethod
    def _paint_head(painter: QPainter, area: QRectF, index: _Index) -> None:
        c = colours()
        small, strong = ui_font(tokens.FONT_SMALL), strong_font(tokens.FONT_BASE)
        line = QRectF(area.left(), area.top(), area.width(), 22)
        trailing = _text(index, RowRole.TRAILING)
        draw_text(painter, line, trailing, small, c.muted, RIGHT)
        left = line.left()
        kind = index.data(RowRole.CHIP)
        if isinstance(kind, str):
            chip = ChipKind(kind)
            paint_chip(painter, left, line.center().y(), chip)
            left += chip_width(chip) + tokens.SPACE_2 + 2
        right = line.right() - QFontMetrics(small).horizontalAdvance(trailing)
        place = QRectF(left, line.top(), max(0.0, right - left - tokens.SPACE_3), line.height())
        title = elided(_text(index, RowRole.TITLE), strong, place.width())
        draw_text(painter, place, title, strong, c.text, LEFT)

    @staticmethod
    def _paint_subtitle(painter: QPainter, area: QRectF, index: _Index) -> None:
        c = colours()
        font = ui_font(tokens.FONT_SECONDARY)
        line = QRectF(area.left(), area.top() + 24, area.width(), 20)
        text = elided(_text(index, RowRole.SUBTITLE), font, line.width())
        colour = c.danger if index.data(RowRole.DANGER) else c.muted
        draw_text(painter, line, text, font, colour, LEFT)
