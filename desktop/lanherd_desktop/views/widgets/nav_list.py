"""The narrow navigation at the left: pages with their counts; it folds to icons."""

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetrics,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPolygonF,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QHBoxLayout,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from lanherd_desktop.state import numbers
from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.fonts import strong_font, ui_font
from lanherd_desktop.views.theme.icons import IconName, pixmap
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.buttons import IconButton
from lanherd_desktop.views.widgets.painting import CENTER, LEFT, draw_focus_ring, draw_text

_ITEM_HEIGHT = 34
_ICON = 16
_KEYBOARD_REASONS = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)


class _NavItem(QAbstractButton):
    def __init__(self, name: IconName, text: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._icon_name = name
        self._count: int | None = None
        self._folded = False
        self._ring = False
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.show_text(text)

    def show_text(self, text: str) -> None:
        # An ampersand would be taken for a shortcut.
        self.setText(text.replace("&", "&&"))
        self._tell()

    def label(self) -> str:
        return self.text().replace("&&", "&")

    def show_count(self, count: int | None) -> None:
        if count != self._count:
            self._count = count
            self._tell()
            self.update()

    def show_folded(self, folded: bool) -> None:
        self._folded = folded
        self._tell()
        self.update()

    def _tell(self) -> None:
        count = "" if self._count is None else f" {self._count}"
        self.setAccessibleName(self.label() + count)
        self.setToolTip(self.label() + count if self._folded else "")

    def focusInEvent(self, event: QFocusEvent) -> None:
        """A ring for who comes by keyboard; a click or the window's start needs none."""
        self._ring = event.reason() in _KEYBOARD_REASONS
        super().focusInEvent(event)

    def sizeHint(self) -> QSize:
        return QSize(tokens.NAV_WIDTH_FOLDED, _ITEM_HEIGHT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        c = colours()
        rect = QRectF(self.rect())
        chosen = self.isChecked()
        if chosen or self.underMouse():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(c.raised if chosen else c.hover)
            painter.drawRoundedRect(rect, tokens.RADIUS_CONTROL, tokens.RADIUS_CONTROL)
        if chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(c.accent)
            painter.drawRoundedRect(QRectF(0, 7, 3, rect.height() - 14), 1.5, 1.5)
        token = "text" if chosen else "muted"
        drawn = pixmap(self._icon_name, token, _ICON, self.devicePixelRatioF())
        icon_left = (rect.width() - _ICON) / 2 if self._folded else 12.0
        painter.drawPixmap(QPointF(icon_left, (rect.height() - _ICON) / 2), drawn)
        if not self._folded:
            font = strong_font() if chosen else ui_font()
            place = rect.adjusted(38, 0, -44, 0)
            draw_text(painter, place, self.label(), font, c.named(token), LEFT)
            self._paint_count(painter, rect)
        if self.hasFocus() and self._ring:
            draw_focus_ring(painter, rect, c.accent, tokens.RADIUS_CONTROL)
        painter.end()

    def _paint_count(self, painter: QPainter, rect: QRectF) -> None:
        if self._count is None:
            return
        c = colours()
        font = ui_font(tokens.FONT_SMALL)
        text = numbers.count(self._count)
        width = max(22, QFontMetrics(font).horizontalAdvance(text) + 14)
        pill = QRectF(rect.right() - width - 8, (rect.height() - 18) / 2, width, 18)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(c.track)
        painter.drawRoundedRect(pill, 9, 9)
        draw_text(painter, pill, text, font, c.text, CENTER)


class _Brand(QWidget):
    def __init__(self, text: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._text = text
        self._folded = False
        self.setFixedHeight(36)
        self.setAccessibleName(text)

    def show_folded(self, folded: bool) -> None:
        self._folded = folded
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        c = colours()
        x = self.width() / 2 if self._folded else 19.0
        y = self.height() / 2
        diamond = QPolygonF(
            [QPointF(x, y - 7), QPointF(x + 7, y), QPointF(x, y + 7), QPointF(x - 7, y)]
        )
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(c.accent)
        painter.drawPolygon(diamond)
        if not self._folded:
            place = QRectF(38, 0, self.width() - 38, self.height())
            draw_text(painter, place, self._text, strong_font(tokens.FONT_CARD), c.text, LEFT)
        painter.end()


class NavList(QWidget):
    selected = Signal(str)
    fold_changed = Signal(bool)

    def __init__(self, brand: str = "Lanherd", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: dict[str, _NavItem] = {}
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self._folded = False
        self._brand = _Brand(brand, self)
        self._footer = _Footer(self)
        self._fold = IconButton(IconName.FOLD, self.tr("Fold the navigation"), self)
        self._fold.clicked.connect(self.toggle)
        self._items_box = QVBoxLayout()
        self._items_box.setSpacing(2)
        foot = QHBoxLayout()
        foot.addWidget(self._footer, 1)
        foot.addWidget(self._fold)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(tokens.SPACE_3, tokens.SPACE_2, tokens.SPACE_3, tokens.SPACE_3)
        whole.addWidget(self._brand)
        whole.addLayout(self._items_box)
        whole.addStretch(1)
        whole.addLayout(foot)
        self.setFixedWidth(tokens.NAV_WIDTH)
        self.setAccessibleName(self.tr("Navigation"))

    def add_item(self, key: str, icon: IconName, text: str) -> None:
        item = _NavItem(icon, text, self)
        item.clicked.connect(lambda: self.selected.emit(key))
        self._items[key] = item
        self._group.addButton(item)
        self._items_box.addWidget(item)
        item.show_folded(self._folded)
        QWidget.setTabOrder(item, self._fold)
        if len(self._items) == 1:
            item.setChecked(True)

    def set_text(self, key: str, text: str) -> None:
        self._items[key].show_text(text)

    def set_count(self, key: str, count: int | None) -> None:
        self._items[key].show_count(count)

    def set_current(self, key: str) -> None:
        """Marks a page without emitting `selected`."""
        self._items[key].setChecked(True)

    def current(self) -> str:
        return next((key for key, item in self._items.items() if item.isChecked()), "")

    def set_footer(self, text: str) -> None:
        self._footer.show_text(text)

    def folded(self) -> bool:
        return self._folded

    def set_folded(self, folded: bool) -> None:
        if folded == self._folded:
            return
        self._folded = folded
        self.setFixedWidth(tokens.NAV_WIDTH_FOLDED if folded else tokens.NAV_WIDTH)
        self._footer.setVisible(not folded)
        self._brand.show_folded(folded)
        for item in self._items.values():
            item.show_folded(folded)
        self._name_fold()

    def toggle(self) -> None:
        """Fold or unfold, as a person wishes it: `fold_changed` is for their wishes only."""
        self.set_folded(not self._folded)
        self.fold_changed.emit(self._folded)

    def _name_fold(self) -> None:
        name = self.tr("Unfold the navigation") if self._folded else self.tr("Fold the navigation")
        self._fold.set_icon_name(IconName.UNFOLD if self._folded else IconName.FOLD)
        self._fold.setToolTip(name)
        self._fold.setAccessibleName(name)

    def showEvent(self, event: QShowEvent) -> None:
        """Where nothing else has the focus, the chosen page has it, not the fold button."""
        super().showEvent(event)
        if self.window().focusWidget() is None and self.current():
            self._items[self.current()].setFocus(Qt.FocusReason.OtherFocusReason)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.LanguageChange:
            self._name_fold()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1}
        keys = list(self._items)
        key = Qt.Key(event.key())
        if key in steps and keys:
            at = keys.index(self.current()) + steps[key] if self.current() else 0
            chosen = keys[min(max(at, 0), len(keys) - 1)]
            self._items[chosen].setFocus(Qt.FocusReason.TabFocusReason)
            self._items[chosen].click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        c = colours()
        painter.fillRect(self.rect(), c.surface)
        painter.fillRect(self.width() - 1, 0, 1, self.height(), c.border)
        painter.end()


class _Footer(QWidget):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._text = ""
        self.setFixedHeight(24)

    def show_text(self, text: str) -> None:
        self._text = text
        self.setAccessibleName(text)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        place = QRectF(self.rect()).adjusted(8, 0, 0, 0)
        draw_text(painter, place, self._text, ui_font(tokens.FONT_SMALL), colours().muted, LEFT)
        painter.end()
