"""A short word at the foot of the window about something that has just happened."""

from typing import Literal

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QWidget

from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.icons import IconName, pixmap
from lanherd_desktop.views.theme.theme import colours
from lanherd_desktop.views.widgets.buttons import GhostButton, IconButton
from lanherd_desktop.views.widgets.labels import Label

ToastKind = Literal["info", "ok", "danger"]
_ICONS: dict[ToastKind, IconName] = {
    "info": IconName.INFO,
    "ok": IconName.CHECK,
    "danger": IconName.ALERT,
}
_TOASTS_MAX = 3
_WIDTH_MAX = 520
_MARGIN = tokens.SPACE_5
_FOOT = tokens.SPACE_4


class Toast(QWidget):
    activated = Signal()
    closed = Signal()

    def __init__(self, text: str, kind: ToastKind, action: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._kind: ToastKind = kind
        self._label = Label(text, "base", wrap=len(text) > 60)
        self.setAccessibleName(text)
        row = QHBoxLayout(self)
        row.setContentsMargins(42, tokens.SPACE_2, tokens.SPACE_2, tokens.SPACE_2)
        row.addWidget(self._label, 1)
        if action:
            button = GhostButton(action)
            button.clicked.connect(self._on_action)
            row.addWidget(button)
        close = IconButton(IconName.X, self.tr("Close"))
        close.clicked.connect(self.dismiss)
        row.addWidget(close)
        self.setMaximumWidth(_WIDTH_MAX)

    @property
    def failure(self) -> bool:
        return self._kind == "danger"

    def text(self) -> str:
        return self._label.text()

    def _on_action(self) -> None:
        self.activated.emit()
        self.dismiss()

    def dismiss(self) -> None:
        self.hide()
        self.closed.emit()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        c = colours()
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(c.border_strong, 1))
        painter.setBrush(c.raised)
        painter.drawRoundedRect(frame, tokens.RADIUS_CONTROL, tokens.RADIUS_CONTROL)
        drawn = pixmap(_ICONS[self._kind], self._kind, 18, self.devicePixelRatioF())
        painter.drawPixmap(QPointF(14, (self.height() - 18) / 2), drawn)
        painter.end()


class ToastHost(QObject):
    """The toasts of one window, the newest lowest. A failure stays longer than good news.

    They lie over nothing where the window leaves them the room that they ask for: the last lines
    of a log are what one looks at while it goes on.
    """

    height_changed = Signal(int)
    """So much at the foot of the window is theirs now."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._toasts: list[Toast] = []
        self._height = 0
        window.installEventFilter(self)

    def toasts(self) -> list[Toast]:
        return list(self._toasts)

    def show_toast(self, text: str, kind: ToastKind = "info", action: str = "") -> Toast:
        toast = Toast(text, kind, action, self._window)
        toast.closed.connect(lambda: self._forget(toast))
        self._toasts.append(toast)
        if len(self._toasts) > _TOASTS_MAX:
            self._toasts[0].dismiss()
        timer = QTimer(toast)
        timer.setSingleShot(True)
        timer.timeout.connect(toast.dismiss)
        # What can still be undone, or went wrong, is read before it goes.
        stays = kind == "danger" or action
        timer.start(tokens.TOAST_FAILURE_MS if stays else tokens.TOAST_MS)
        toast.show()
        self._place()
        return toast

    def dismiss_failures(self) -> None:
        """What they tell of is no longer on the screen."""
        for toast in [one for one in self._toasts if one.failure]:
            toast.dismiss()

    def dismiss_text(self, text: str) -> None:
        """What it says holds no longer."""
        for toast in [one for one in self._toasts if one.text() == text]:
            toast.dismiss()

    def _forget(self, toast: Toast) -> None:
        if toast in self._toasts:
            self._toasts.remove(toast)
            toast.deleteLater()
            self._place()

    def _place(self) -> None:
        foot = self._window.height()
        bottom = foot - _FOOT
        for toast in reversed(self._toasts):
            width = min(_WIDTH_MAX, self._window.width() - 2 * _MARGIN)
            width = min(width, max(240, toast.sizeHint().width()))
            layout = toast.layout()
            height = layout.totalHeightForWidth(width) if layout else toast.sizeHint().height()
            height = max(height, QSize(toast.sizeHint()).height(), 46)
            toast.setGeometry(
                self._window.width() - width - _MARGIN, bottom - height, width, height
            )
            toast.raise_()
            bottom -= height + tokens.SPACE_2
        taken = foot - bottom - tokens.SPACE_2 if self._toasts else 0
        if taken != self._height:
            self._height = taken
            self.height_changed.emit(taken)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)
