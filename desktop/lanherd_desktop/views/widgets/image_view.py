"""A picture that a run left: fitted, zoomed by wheel and keys, moved by the pointer.

A picture comes from a machine: its size is read before it is decoded, and what would take too
much memory isn't decoded at all.
"""

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QImage,
    QImageReader,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from lanherd_desktop.state import numbers
from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.fonts import ui_font
from lanherd_desktop.views.theme.theme import colours

IMAGE_BYTES_MAX = 32 * 1024 * 1024
IMAGE_SIDE_MAX = 16_384
IMAGE_PIXELS_MAX = 40_000_000
_ALLOCATION_MAX_MB = 192
_FORMATS = frozenset((b"png", b"jpeg", b"jpg", b"gif", b"bmp", b"webp", b"ppm", b"pgm", b"ico"))

_ZOOM_STEP = 1.25
_ZOOM_MIN = 0.02
_ZOOM_MAX = 32.0
_PAN_STEP = 48.0


class ImageView(QWidget):
    failed = Signal(str)
    zoomed = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._picture = QPixmap()
        self._error = ""
        self._zoom: float | None = None
        self._centre = QPointF(0, 0)
        self._grabbed: QPointF | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(self.tr("Picture"))

    # --- The picture

    def set_bytes(self, data: bytes) -> None:
        """Shows a PNG, JPEG, GIF (its first frame), BMP, WebP or PNM; else says why not."""
        self._picture = QPixmap()
        self._error = ""
        read = self._decode(data)
        if isinstance(read, QImage):
            self._picture = QPixmap.fromImage(read)
        else:
            self._error = read
            self.failed.emit(read)
        size = self._picture.size()
        self.setAccessibleDescription(self._error or f"{size.width()} × {size.height()}")
        self.fit()

    def error(self) -> str:
        return self._error

    def picture_size(self) -> QSize:
        return self._picture.size()

    def _decode(self, data: bytes) -> QImage | str:
        if not data:
            return self.tr("This picture is empty.")
        if len(data) > IMAGE_BYTES_MAX:
            return self.tr("This picture takes {0}, too much to preview. Fetch the file.").format(
                numbers.size(len(data))
            )
        QImageReader.setAllocationLimit(_ALLOCATION_MAX_MB)
        held = QByteArray(data)
        device = QBuffer(held)
        device.open(QIODevice.OpenModeFlag.ReadOnly)
        reader = QImageReader(device)
        reader.setDecideFormatFromContent(True)
        reader.setAutoTransform(True)
        if bytes(reader.format().data()) not in _FORMATS:
            return self.tr("This isn't a picture that can be shown here.")
        size = reader.size()
        if _too_large(size):
            return self.tr(
                "This picture has {0} × {1} pixels, too many to preview. Fetch the file."
            ).format(numbers.count(size.width()), numbers.count(size.height()))
        image = reader.read()
        if image.isNull():
            return self.tr("This picture is damaged or not complete yet.")
        return image

    # --- Zoom

    def zoom(self) -> float:
        """Screen pixels per picture pixel."""
        return self._fitting() if self._zoom is None else self._zoom

    def fit(self) -> None:
        """All of it, never larger than it is."""
        self._zoom = None
        self._centre = QPointF(self._picture.width() / 2, self._picture.height() / 2)
        self.zoomed.emit(self.zoom())
        self.update()

    def actual_size(self) -> None:
        self._zoom_to(1.0, QPointF(self.rect().center()))

    def zoom_in(self) -> None:
        self._zoom_to(self.zoom() * _ZOOM_STEP, QPointF(self.rect().center()))

    def zoom_out(self) -> None:
        self._zoom_to(self.zoom() / _ZOOM_STEP, QPointF(self.rect().center()))

    def _fitting(self) -> float:
        if self._picture.isNull():
            return 1.0
        room = 2 * tokens.SPACE_2
        return min(
            1.0,
            max(1, self.width() - room) / self._picture.width(),
            max(1, self.height() - room) / self._picture.height(),
        )

    def _zoom_to(self, zoom: float, at: QPointF) -> None:
        """The picture's point under `at` stays under it."""
        if self._picture.isNull():
            return
        under = self._picture_point(at)
        self._zoom = min(max(zoom, _ZOOM_MIN), _ZOOM_MAX)
        middle = QPointF(self.rect().center())
        self._centre = under - (at - middle) / self._zoom
        self._keep_in_view()
        self.zoomed.emit(self._zoom)
        self.update()

    def _picture_point(self, at: QPointF) -> QPointF:
        return self._centre + (at - QPointF(self.rect().center())) / self.zoom()

    def _keep_in_view(self) -> None:
        width, height = self._picture.width(), self._picture.height()
        self._centre = QPointF(
            min(max(self._centre.x(), 0.0), float(width)),
            min(max(self._centre.y(), 0.0), float(height)),
        )

    def _pan(self, by: QPointF) -> None:
        if self._zoom is None:
            self._zoom = self._fitting()
        self._centre += by / self._zoom
        self._keep_in_view()
        self.update()

    # --- Events

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._zoom is None:
            self.zoomed.emit(self.zoom())

    def wheelEvent(self, event: QWheelEvent) -> None:
        turns = event.angleDelta().y() / 120
        self._zoom_to(self.zoom() * _ZOOM_STEP**turns, event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._grabbed = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grabbed is not None:
            self._pan(self._grabbed - event.position())
            self._grabbed = event.position()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self._grabbed = None
        self.unsetCursor()

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        if self._zoom is None:
            self.actual_size()
        else:
            self.fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        pans = {
            Qt.Key.Key_Left: QPointF(-_PAN_STEP, 0),
            Qt.Key.Key_Right: QPointF(_PAN_STEP, 0),
            Qt.Key.Key_Up: QPointF(0, -_PAN_STEP),
            Qt.Key.Key_Down: QPointF(0, _PAN_STEP),
        }
        key = Qt.Key(event.key())
        plus = key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal)
        if plus or event.matches(QKeySequence.StandardKey.ZoomIn):
            self.zoom_in()
        elif key is Qt.Key.Key_Minus or event.matches(QKeySequence.StandardKey.ZoomOut):
            self.zoom_out()
        elif key is Qt.Key.Key_0:
            self.fit()
        elif key is Qt.Key.Key_1:
            self.actual_size()
        elif key in pans:
            self._pan(pans[key])
        else:
            super().keyPressEvent(event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        if self._picture.isNull():
            self._paint_words(painter)
        else:
            self._paint_picture(painter)
        painter.end()

    def _paint_words(self, painter: QPainter) -> None:
        painter.setFont(ui_font(tokens.FONT_BASE))
        painter.setPen(colours().muted)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(self.rect().adjusted(24, 24, -24, -24), int(flags), self._error)

    def _paint_picture(self, painter: QPainter) -> None:
        zoom = self.zoom()
        size = QPointF(self._picture.width() * zoom, self._picture.height() * zoom)
        corner = QPointF(self.rect().center()) - self._centre * zoom
        target = QRectF(corner, corner + size)
        if self._picture.hasAlphaChannel():
            painter.fillRect(target, _checks(colours().surface, colours().track))
        # Enlarged, the single pixels are what one wants to see.
        smooth = QPainter.RenderHint.SmoothPixmapTransform
        painter.setRenderHint(smooth, zoom < 2)
        painter.drawPixmap(target, self._picture, QRectF(self._picture.rect()))


def _too_large(size: QSize) -> bool:
    return (
        max(size.width(), size.height()) > IMAGE_SIDE_MAX
        or size.width() * size.height() > IMAGE_PIXELS_MAX
    )


def _checks(light: QColor, dark: QColor) -> QBrush:
    """The ground that shows through a transparent picture."""
    tile = QPixmap(16, 16)
    tile.fill(light)
    painter = QPainter(tile)
    painter.fillRect(0, 0, 8, 8, dark)
    painter.fillRect(8, 8, 8, 8, dark)
    painter.end()
    return QBrush(tile)
