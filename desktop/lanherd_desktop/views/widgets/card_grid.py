"""Cards of one width in columns. A card's column follows from its place in the order alone,
so that cards don't hop about when one of them grows."""

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget

from lanherd_desktop.views.theme import tokens


class _Canvas(QWidget):
    def __init__(self, card_width_min: int, gap: int) -> None:
        super().__init__()
        # Growing at its foot paints none of what was there.
        self.setAttribute(Qt.WidgetAttribute.WA_StaticContents)
        self._cards: list[QWidget] = []
        # Asking a card for its height walks through all of it: asked once until it says that it
        # changed, and once for all those that say so in the same moment.
        self._heights: dict[QWidget, tuple[int, int]] = {}
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self.place)
        self._card_width_min = card_width_min
        self._gap = gap

    def cards(self) -> list[QWidget]:
        return list(self._cards)

    def set_cards(self, cards: Sequence[QWidget]) -> None:
        there, wanted = set(self._cards), set(cards)
        for gone in self._cards:
            if gone not in wanted:
                gone.removeEventFilter(self)
                gone.hide()
                gone.setParent(None)
                self._heights.pop(gone, None)
        for card in cards:
            if card not in there:
                card.setParent(self)
                card.installEventFilter(self)
                card.show()
        self._cards = list(cards)
        self.place()

    def columns(self, width: int) -> int:
        return max(1, (width + self._gap) // (self._card_width_min + self._gap))

    def place(self) -> None:
        width = self.width()
        columns = self.columns(width)
        each = (width - self._gap * (columns - 1)) // columns
        heights = [0] * columns
        for at, card in enumerate(self._cards):
            column = at % columns
            height = self._height_of(card, each)
            card.setGeometry(QRect(column * (each + self._gap), heights[column], each, height))
            heights[column] += height + self._gap
        self.setFixedHeight(max(0, max(heights) - self._gap))

    def _height_of(self, card: QWidget, width: int) -> int:
        known = self._heights.get(card)
        if known is None or known[0] != width:
            known = self._heights[card] = width, _height_at(card, width)
        return known[1]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest and isinstance(watched, QWidget):
            self._heights.pop(watched, None)
            self._soon.start()
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.place()


def _height_at(card: QWidget, width: int) -> int:
    layout = card.layout()
    if layout is not None and layout.hasHeightForWidth():
        return layout.totalHeightForWidth(width)
    return card.sizeHint().height()


class CardGrid(QScrollArea):
    seen_changed = Signal()
    """Other cards are seen than before, perhaps."""

    def __init__(
        self,
        card_width_min: int = 340,
        gap: int = tokens.SPACE_4,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._canvas = _Canvas(card_width_min, gap)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(self._canvas)
        self.viewport().setAutoFillBackground(False)
        self._canvas.setAutoFillBackground(False)
        self.verticalScrollBar().valueChanged.connect(self.seen_changed)
        self.verticalScrollBar().rangeChanged.connect(self.seen_changed)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.seen_changed.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.seen_changed.emit()

    def cards(self) -> list[QWidget]:
        return self._canvas.cards()

    def set_cards(self, cards: Sequence[QWidget]) -> None:
        """In this order. A card that is no longer here is taken out, not destroyed."""
        if list(cards) != self._canvas.cards():
            self._canvas.set_cards(cards)

    def add_card(self, card: QWidget) -> None:
        self._canvas.set_cards([*self._canvas.cards(), card])

    def remove_card(self, card: QWidget) -> None:
        self._canvas.set_cards([c for c in self._canvas.cards() if c is not card])

    def sizeHint(self) -> QSize:
        return QSize(720, 480)
