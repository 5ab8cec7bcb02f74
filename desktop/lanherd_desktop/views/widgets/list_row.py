"""Two-line rows of a list: chip, title, signs and time above; place or reason and tags below. The
head of a sweep has an arrow, and how far it is as a bar."""

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from lanherd_desktop.models.roles import RowRole
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.run_tree import GroupHead
from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.fonts import strong_font, ui_font
from lanherd_desktop.views.theme.icons import IconName, pixmap
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.chip import chip_width, paint_chip
from lanherd_desktop.views.widgets.painting import CENTER, LEFT, RIGHT, draw_text, elided
from lanherd_desktop.views.widgets.progress_bar import paint_progress

_HEIGHT = 60
_SIGN = 14
_ARROW = 16
_BAR = 56
INDENT = 22
"""Of the name of a sweep behind its arrow, and of the runs below it."""
_TAG_HEIGHT = 16
_TAGS_SHARE = 0.45
"""Of the second line's width: the reason is what one reads there first."""
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
        head = index.data(RowRole.GROUP)
        if isinstance(head, GroupHead):
            _paint_group(painter, area, index, head)
            painter.restore()
            return
        if index.data(RowRole.UNDER):
            line = QRectF(rect.left() + tokens.SPACE_4 + 7, rect.top(), 1, rect.height())
            painter.fillRect(line, colours().border_strong)
            area.setLeft(area.left() + INDENT)
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
        right = line.right()
        if trailing:
            right -= QFontMetrics(small).horizontalAdvance(trailing) + tokens.SPACE_2
        right = _paint_signs(painter, right, line.center().y(), index)
        place = QRectF(left, line.top(), max(0.0, right - left - tokens.SPACE_1), line.height())
        title = elided(_text(index, RowRole.TITLE), strong, place.width())
        draw_text(painter, place, title, strong, c.text, LEFT)

    @staticmethod
    def _paint_subtitle(painter: QPainter, area: QRectF, index: _Index) -> None:
        c = colours()
        font = ui_font(tokens.FONT_SECONDARY)
        line = QRectF(area.left(), area.top() + 24, area.width(), 20)
        line.setRight(_paint_tags(painter, line, index))
        text = elided(_text(index, RowRole.SUBTITLE), font, line.width())
        colour = c.danger if index.data(RowRole.DANGER) else c.muted
        draw_text(painter, line, text, font, colour, LEFT)


def _paint_group(painter: QPainter, area: QRectF, index: _Index, head: GroupHead) -> None:
    """An arrow, the name and how many are over; below it the same as a bar, and by state."""
    c = colours()
    density = painter.device().devicePixelRatioF()
    line = QRectF(area.left(), area.top(), area.width(), 22)
    arrow = IconName.CHEVRON_DOWN if head.open else IconName.CHEVRON_RIGHT
    drawn = pixmap(arrow, "muted", _ARROW, density)
    painter.drawPixmap(QPointF(line.left(), line.center().y() - _ARROW / 2), drawn)
    small, strong = ui_font(tokens.FONT_SMALL), strong_font(tokens.FONT_BASE)
    over = _text(index, RowRole.TRAILING)
    draw_text(painter, line, over, small, c.muted, RIGHT)
    room = line.width() - INDENT - QFontMetrics(small).horizontalAdvance(over) - tokens.SPACE_3
    place = QRectF(line.left() + INDENT, line.top(), max(0.0, room), line.height())
    title = elided(_text(index, RowRole.TITLE), strong, place.width())
    draw_text(painter, place, title, strong, c.text, LEFT)
    below = QRectF(place.left(), area.top() + 24, area.width() - INDENT, 20)
    bar = QRectF(below.left(), below.center().y() - 3, _BAR, 6)
    paint_progress(painter, bar, head.progress)
    font = ui_font(tokens.FONT_SECONDARY)
    words = below.adjusted(_BAR + tokens.SPACE_2, 0, 0, 0)
    text = elided(_text(index, RowRole.SUBTITLE), font, words.width())
    draw_text(painter, words, text, font, c.muted, LEFT)


def _paint_signs(painter: QPainter, right: float, middle: float, index: _Index) -> float:
    """A pin, and how far before or behind the others it goes; returns where they begin."""
    c, small = colours(), ui_font(tokens.FONT_SMALL)
    density = painter.device().devicePixelRatioF()
    place = right
    if index.data(RowRole.PINNED):
        place -= _SIGN
        drawn = pixmap(IconName.PIN, "muted", _SIGN, density)
        painter.drawPixmap(QPointF(place, middle - _SIGN / 2), drawn)
        place -= tokens.SPACE_1
    priority = index.data(RowRole.PRIORITY)
    if isinstance(priority, int) and priority:
        number = str(abs(priority))
        width = QFontMetrics(small).horizontalAdvance(number)
        area = QRectF(place - width, middle - 11, width, 22)
        draw_text(painter, area, number, small, c.muted, RIGHT)
        place -= width + _SIGN
        name = IconName.CHEVRON_UP if priority > 0 else IconName.CHEVRON_DOWN
        drawn = pixmap(name, "muted", _SIGN, density)
        painter.drawPixmap(QPointF(place, middle - _SIGN / 2), drawn)
        place -= tokens.SPACE_1
    return place


def _paint_tags(painter: QPainter, line: QRectF, index: _Index) -> float:
    """As many tags as have room, and how many more there are; returns where they begin."""
    tags = index.data(RowRole.TAGS)
    if not isinstance(tags, tuple) or not tags:
        return line.right()
    c, small = colours(), ui_font(tokens.FONT_SMALL)
    metrics = QFontMetrics(small)
    room = line.width() * _TAGS_SHARE
    shown = [" ".join(str(tag).split()) for tag in tags]
    more = 0
    while len(shown) > 1 and _tags_width(metrics, shown, more) > room:
        shown.pop()
        more += 1
    texts = [*shown, f"+{more}"] if more else shown
    # One tag alone may be longer than all the room.
    texts[0] = elided(texts[0], small, max(24.0, room - _tags_width(metrics, texts[1:], 0) - 12))
    place = line.right() - _tags_width(metrics, texts, 0)
    begin = place - tokens.SPACE_2
    for text in texts:
        width = metrics.horizontalAdvance(text) + 2 * tokens.SPACE_1
        frame = QRectF(round(place), round(line.center().y() - _TAG_HEIGHT / 2), width, _TAG_HEIGHT)
        painter.setPen(QPen(c.border_strong, 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        outline = frame.adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(outline, tokens.RADIUS_CHIP, tokens.RADIUS_CHIP)
        draw_text(painter, frame, text, small, c.muted, CENTER)
        place += width + tokens.SPACE_1
    return begin


def _tags_width(metrics: QFontMetrics, texts: Sequence[str], more: int) -> float:
    """Of all the frames beside each other; `more` that aren't shown have one together."""
    whole = [*texts, f"+{more}"] if more else texts
    gaps = max(0, len(whole) - 1) * tokens.SPACE_1
    return gaps + sum(metrics.horizontalAdvance(text) + 2 * tokens.SPACE_1 for text in whole)
