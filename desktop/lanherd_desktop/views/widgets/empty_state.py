"""A page that has nothing yet: what will be here, and the one button that begins."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.icons import IconName, pixmap
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.buttons import PrimaryButton
from lanherd_desktop.views.widgets.labels import Label

_TEXT_WIDTH = 440


class IconDisc(QWidget):
    """An icon on a quiet round ground."""

    def __init__(
        self, name: IconName, token: str = "muted", size: int = 56, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._icon_name = name
        self._token = token
        self.setFixedSize(QSize(size, size))

    def set_icon_name(self, name: IconName) -> None:
        self._icon_name = name
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours().raised)
        painter.drawEllipse(QRectF(self.rect()))
        size = self.width() * 3 // 7
        drawn = pixmap(self._icon_name, self._token, size, self.devicePixelRatioF())
        corner = (self.width() - size) / 2
        painter.drawPixmap(QPointF(corner, corner), drawn)
        painter.end()


class EmptyState(QWidget):
    activated = Signal()

    def __init__(
        self,
        icon: IconName = IconName.BOX,
        title: str = "",
        text: str = "",
        button: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._disc = IconDisc(icon)
        self._title = Label("", "card")
        self._text = Label("", "muted", wrap=True)
        self._text.setMaximumWidth(_TEXT_WIDTH)
        self._button = PrimaryButton("")
        self._button.clicked.connect(self.activated)
        middle = Qt.AlignmentFlag.AlignHCenter
        self._title.setAlignment(middle)
        self._text.setAlignment(middle | Qt.AlignmentFlag.AlignTop)
        whole = QVBoxLayout(self)
        whole.setSpacing(tokens.SPACE_2)
        whole.addStretch(2)
        whole.addWidget(self._disc, 0, middle)
        whole.addSpacing(tokens.SPACE_2)
        whole.addWidget(self._title, 0, middle)
        # Alone it would stand at the left of what it may not fill.
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self._text, 1000)
        row.addStretch(1)
        whole.addLayout(row)
        whole.addSpacing(tokens.SPACE_2)
        whole.addWidget(self._button, 0, middle)
        whole.addStretch(3)
        self.set_content(icon, title, text, button)

    def set_content(self, icon: IconName, title: str, text: str, button: str = "") -> None:
        """Without a button where there is nothing to begin."""
        self._disc.set_icon_name(icon)
        self._title.set_text(title)
        self._text.set_text(text)
        self._button.setText(button)
        self._button.setVisible(bool(button))
        self.setAccessibleName(title)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        # A box layout asks an item for its height at the layout's width, not at the item's own.
        width = min(_TEXT_WIDTH, self.contentsRect().width() - 2 * tokens.SPACE_3)
        self._text.setFixedHeight(max(0, self._text.heightForWidth(width)))
