"""What the gallery and the tests of widgets show: readings of GPUs, a table, pictures."""

import math
import zlib

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, Qt
from PySide6.QtGui import QColor, QImage, QImageWriter, QPainter

from lanherd_desktop.state.gpu_gauge import GpuGaugeData

GIB = 1 << 30


def reading(
    index: int,
    used: float | None = 97.0,
    ours_gb: float | None = 18.2,
    foreign_gb: float | None = 0.0,
    total_gb: float | None = 24.0,
    sick: str = "",
) -> GpuGaugeData:
    """A GPU's reading with a plausible last minute."""

    def in_bytes(gb: float | None) -> int | None:
        return None if gb is None else int(gb * GIB)

    wave = tuple(
        None if used is None else max(0.0, used - 6 * abs(math.sin(n / 5 + index)))
        for n in range(60)
    )
    warm = None if used is None else 34 + used * 0.38
    return GpuGaugeData(
        index=index,
        name="RTX 4090",
        utilisation_percent=used,
        temperature_c=warm,
        power_w=None if used is None else 21 + used * 3.9,
        vram_ours_bytes=in_bytes(ours_gb),
        vram_foreign_bytes=in_bytes(foreign_gb),
        vram_total_bytes=in_bytes(total_gb),
        history=wave,
        sick=sick,
    )


def csv_bytes() -> bytes:
    rows = ["epoch,loss,val_loss,lr,note"]
    rows += [
        f"{n},{2 / (n + 1) + 0.1:.4f},{2.2 / (n + 1) + 0.2 + 0.02 * math.sin(n):.4f},0.0003,ok"
        for n in range(120)
    ]
    return "\n".join(rows).encode() + b"\n"


def png_bytes(width: int = 320, height: int = 200) -> bytes:
    image = QImage(width, height, QImage.Format.Format_ARGB32)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    for n in range(0, width, 4):
        painter.fillRect(
            n, height - n * height // width, 3, height, QColor.fromHsv(n % 360, 160, 220)
        )
    painter.end()
    held = QByteArray()
    device = QBuffer(held)
    device.open(QIODevice.OpenModeFlag.WriteOnly)
    QImageWriter(device, QByteArray(b"png")).write(image)
    return bytes(held.data())


def png_bomb(side: int = 60_000) -> bytes:
    """A PNG that claims far more pixels than it should ever be given memory for."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        crc = zlib.crc32(kind + body).to_bytes(4, "big")
        return len(body).to_bytes(4, "big") + kind + body + crc

    header = side.to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    pixels = zlib.compress(bytes(side + 1) * 64)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
