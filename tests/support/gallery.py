"""Draws every widget in its states, in both themes, into pictures that a person looks at.

`python -m tests.support.gallery DIR` writes them; the tests draw them once and check that nothing
warns and that no picture is blank.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QEventLoop, QStringListModel, Qt, QTimer
from PySide6.QtGui import QImage, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QVBoxLayout,
    QWidget,
)

from lanherd_desktop.models.roles import RowRole
from lanherd_desktop.state.chips import ChipKind
from lanherd_desktop.state.gpu_gauge import GpuGaugeData
from lanherd_desktop.state.log_buffer import LogBuffer
from lanherd_desktop.views.theme import theme
from lanherd_desktop.views.theme.icons import IconName
from lanherd_desktop.views.widgets.buttons import (
    DangerButton,
    GhostButton,
    IconButton,
    MenuButton,
    PrimaryButton,
)
from lanherd_desktop.views.widgets.card import CardFrame, DotKind
from lanherd_desktop.views.widgets.card_grid import CardGrid
from lanherd_desktop.views.widgets.chip import Chip
from lanherd_desktop.views.widgets.csv_table import CsvPreview
from lanherd_desktop.views.widgets.empty_state import EmptyState
from lanherd_desktop.views.widgets.error_panel import ErrorPanel
from lanherd_desktop.views.widgets.flow_layout import FlowLayout
from lanherd_desktop.views.widgets.gpu_gauge import GaugeGrid
from lanherd_desktop.views.widgets.image_view import ImageView
from lanherd_desktop.views.widgets.labels import Label
from lanherd_desktop.views.widgets.list_row import ListRowDelegate
from lanherd_desktop.views.widgets.log_pane import LogPane, LogState
from lanherd_desktop.views.widgets.log_tools import LogTools
from lanherd_desktop.views.widgets.nav_list import NavList
from lanherd_desktop.views.widgets.number_field import NumberField
from lanherd_desktop.views.widgets.numbers_line import Number, NumbersLine
from lanherd_desktop.views.widgets.run_line import RunLine
from lanherd_desktop.views.widgets.search_field import SearchField
from lanherd_desktop.views.widgets.skeleton import Skeleton
from lanherd_desktop.views.widgets.tab_bar import TabBar
from lanherd_desktop.views.widgets.text_preview import TextPreview
from lanherd_desktop.views.widgets.toast import ToastHost
from tests.support.gallery_forms import forms, panels
from tests.support.sample_content import csv_bytes, png_bomb, png_bytes, reading

_SETTLE_MS = 350


def machine_card(
    title: str,
    readings: list[GpuGaugeData],
    subtitle: str = "4 × RTX 4090 · 24 GB · driver 570.86 · load 6.1 / 32",
) -> tuple[CardFrame, GaugeGrid]:
    card = CardFrame(title)
    card.set_status(DotKind.OK, "online")
    card.set_subtitle(subtitle)
    gauges = GaugeGrid()
    gauges.set_readings(readings)
    card.body.addWidget(gauges)
    return card, gauges


def machines() -> QWidget:
    grid = CardGrid()
    kepler, _ = machine_card(
        "kepler",
        [
            reading(0),
            reading(1, 94, 18.1),
            reading(2, 63, 6.4, 12.9),
            reading(3, 0, 0),
        ],
    )
    kepler.add_row(RunLine(ChipKind.RUNNING, "train.py --lr 3e-4 --seed 0", "2 h 14 min"))
    kepler.add_row(RunLine(ChipKind.RUNNING, "train.py --lr 1e-4 --seed 0", "2 h 14 min"))
    kepler.add_row(RunLine(ChipKind.NOT_OURS, "jupyter (pid 4242)", "12.9 GB"))
    tycho, _ = machine_card(
        "tycho", [reading(0, 88, 61, 0, 80), reading(1, 86, 61, 0, 80)], "2 × A100 · 80 GB · NVLink"
    )
    tycho.set_badge(ChipKind.SIMULATED)
    tycho.add_row(RunLine(ChipKind.RUNNING, "finetune.py --gpus 2", "41 min"))
    tycho.add_row(
        RunLine(ChipKind.WAITING, "eval.py", "", "needs 80 GB, first in line, about 25 min")
    )
    brahe, _ = machine_card("brahe", [reading(0, 0, 0), reading(1, 0, 0)], "2 × RTX 3090 · 24 GB")
    brahe.set_note("Free. Nothing waits for it.")
    galle, _ = machine_card(
        "galle", [reading(0, 0, 0, 0, 48, sick="Fell off the bus")], "1 × RTX 6000 Ada · 48 GB"
    )
    galle.set_status(DotKind.DANGER, "cordoned: Xid 79 on GPU 0")
    galle.set_note("GPU 0 fell off the bus at 03:12. Reboot the machine, then release it.", True)
    herschel, _ = machine_card(
        "herschel", [reading(0, 52, 7, 0, 11), reading(1, 55, 7, 0, 11)], "last seen 40 s ago"
    )
    herschel.set_status(DotKind.MUTED, "unreachable, last known")
    herschel.add_row(RunLine(ChipKind.RUNNING, "sweep-17 · 2 of 24 rows", "5 h 02 min"))
    herschel.set_dimmed(True)
    messier = CardFrame("messier")
    messier.set_dashed(True)
    messier.set_status(DotKind.NONE, "found on the LAN")
    messier.set_subtitle("An agent that you have not paired with. 192.0.2.17, version 0.1.0")
    buttons = QHBoxLayout()
    buttons.addWidget(PrimaryButton("Pair…"))
    buttons.addWidget(GhostButton("What is this?"))
    buttons.addStretch(1)
    messier.body.addLayout(buttons)
    unknown, _ = machine_card(
        "a-very-long-machine-name-that-has-no-room.example.org",
        [reading(0, None, None, None, None), reading(1, None, 3.2, None, 24)],
        "",
    )
    unknown.set_status(DotKind.WARN, "GPU readings are late, the driver hangs")
    grid.set_cards([kepler, tycho, brahe, galle, herschel, messier, unknown])
    return page("Machines", grid)


def page(title: str, content: QWidget) -> QWidget:
    whole = QWidget()
    row = QHBoxLayout(whole)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(0)
    row.addWidget(navigation())
    body = QVBoxLayout()
    body.setContentsMargins(24, 16, 24, 16)
    body.setSpacing(12)
    head = QHBoxLayout()
    head.addWidget(Label(title, "title"), 1)
    search = SearchField("Search, or free:>20GB")
    search.setFixedWidth(300)
    head.addWidget(search)
    head.addWidget(MenuButton("Grid"))
    head.addWidget(PrimaryButton("Add machine", IconName.PLUS))
    body.addLayout(head)
    line = NumbersLine()
    line.set_numbers(
        [
            Number("13", "GPUs"),
            Number("5", "free"),
            Number("198 of 388 GB", "VRAM in use"),
            Number("5", "running"),
            Number("12", "waiting"),
        ]
    )
    line.set_legend(True)
    body.addWidget(line)
    body.addWidget(content, 1)
    row.addLayout(body, 1)
    return whole


def navigation(folded: bool = False) -> NavList:
    nav = NavList()
    for key, icon, text, count in (
        ("machines", IconName.SERVER, "Machines", 6),
        ("projects", IconName.FOLDER, "Projects", 4),
        ("runs", IconName.PLAY, "Runs", 1_742),
        ("outputs", IconName.FILES, "Outputs", None),
        ("settings", IconName.SETTINGS, "Settings", None),
    ):
        nav.add_item(key, icon, text)
        nav.set_count(key, count)
    nav.set_footer("Ctrl+K anything")
    nav.set_folded(folded)
    return nav


LOG_LINES = (
    *(
        f"\x1b[2m12:{41 + n}:08\x1b[0m  epoch  {41 + n}  loss \x1b[1m{0.6944 - n / 99:.4f}\x1b[0m  "
        f"acc 0.88{n:02d}  lr 3.0e-04\n"
        for n in range(8)
    ),
    "12:49:09  \x1b[33mUserWarning: the lr scheduler was called before the optimizer\x1b[0m\n",
    "12:49:10  \x1b[32msaved\x1b[0m outputs/ckpt_0047.pt  98.3 MB\n",
    "12:49:11  \x1b[31mTraceback\x1b[0m \x1b[41mon red\x1b[0m \x1b[7minverse\x1b[0m "
    "\x1b[4munderlined\x1b[0m \x1b[3mitalic\x1b[0m \x1b[38;2;200;80;255mviolet\x1b[0m\n",
    "中文日志：训练完成，损失 0.5457 | 全角 | ascii after wide\n",
    "a\tb\ttab\tstops\n",
    "<b>not bold</b> &amp; <img src=x onerror=alert(1)> \x07bell \x08back \u202egpj.exe\n",
    "emoji 🙂🙂 | combining e\u0301 | Arabic مرحبا | end\n",
    "x" * 40_000 + "\n",
    " 0%|          | 0/1910\r 50%|█████     | 955/1910\r 62%|██████▏   | 1184/1910 [00:31]\n",
)


def log_pane(lines: int = 0) -> LogPane:
    buffer = LogBuffer()
    for n in range(lines):
        buffer.append(f"line {n} of many, loss {n / 7:.3f}\n".encode())
    for line in LOG_LINES:
        buffer.append(line.encode())
    buffer.append(b"after the hole\n", buffer.end + 12_345_678)
    buffer.append(b"epoch 53  and an open line")
    return LogPane(buffer)


def run_page() -> QWidget:
    whole = QWidget()
    row = QHBoxLayout(whole)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(0)
    row.addWidget(navigation(folded=True))
    row.addWidget(run_list(), 2)
    body = QVBoxLayout()
    body.setContentsMargins(20, 16, 20, 16)
    body.setSpacing(12)
    head = QHBoxLayout()
    head.setSpacing(10)
    head.addWidget(Chip(ChipKind.RUNNING))
    head.addWidget(Label("train lr=3e-4 seed=0", "title"))
    head.addStretch(1)
    head.addWidget(GhostButton("Run again…"))
    head.addWidget(DangerButton("Stop"))
    body.addLayout(head)
    line = NumbersLine()
    line.set_numbers(
        [
            Number("53 / 100", "epochs, 1 h 58 min left"),
            Number("97%", "GPU 0 on kepler"),
            Number("18.2 GB", "of 20 asked"),
            Number("", "attempt 1"),
        ]
    )
    body.addWidget(line)
    tabs = TabBar()
    for key, text in (("overview", "Overview"), ("log", "Log"), ("outputs", "Outputs")):
        tabs.add_tab(key, text)
    tabs.set_count("outputs", 14)
    tabs.set_current("log")
    pane = log_pane(lines=400)
    tools = LogTools(pane)
    tabs.corner.addWidget(tools)
    tools.field().set_query("loss")
    body.addWidget(tabs)
    body.addWidget(pane, 1)
    row.addLayout(body, 4)
    return whole


def run_list() -> QWidget:
    view = QListView()
    model = QStandardItemModel(view)
    for chip, title, subtitle, trailing, danger in (
        (
            ChipKind.RUNNING,
            "train lr=3e-4 seed=0",
            "kepler · GPU 0 · 18.2 of 20 GB",
            "2 h 14 min",
            0,
        ),
        (ChipKind.WAITING, "eval full", "tycho: 19 of 80 GB free, needs 80. First in line", "", 0),
        (
            ChipKind.FAILED,
            "train lr=1e-2 seed=0",
            "Out of VRAM at 23.4 GB. Try a card with 48 GB, or half the batch size",
            "12 min",
            1,
        ),
        (ChipKind.SUCCEEDED, "prepare data", "brahe · no GPU", "4 min", 0),
        (ChipKind.CANCELLED, "train <b>bold?</b>", "stopped by you", "1 min", 0),
        (
            ChipKind.LOST,
            "a title that is far too long for this list",
            "kepler restarted",
            "1 min",
            1,
        ),
    ):
        item = QStandardItem()
        for role, value in (
            (RowRole.CHIP, chip),
            (RowRole.TITLE, title),
            (RowRole.SUBTITLE, subtitle),
            (RowRole.TRAILING, trailing),
            (RowRole.DANGER, bool(danger)),
        ):
            item.setData(value, role)
        model.appendRow(item)
    view.setModel(model)
    view.setItemDelegate(ListRowDelegate(view))
    view.setCurrentIndex(model.index(0, 0))
    return view


def controls() -> QWidget:
    whole = QWidget()
    column = QVBoxLayout(whole)
    column.setContentsMargins(24, 24, 24, 24)
    column.setSpacing(16)
    chips = QWidget()
    flow = FlowLayout(chips, gap_x=8)
    for kind in ChipKind:
        flow.addWidget(Chip(kind))
    column.addWidget(chips)
    for enabled in (True, False):
        row = QHBoxLayout()
        for button in (
            PrimaryButton("Run…", IconName.PLAY),
            GhostButton("Run again…", IconName.REFRESH),
            DangerButton("Stop", IconName.STOP),
            MenuButton("Grid"),
            IconButton(IconName.COPY, "Copy"),
        ):
            button.setEnabled(enabled)
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
    row = QHBoxLayout()
    box, spin, check = QComboBox(), NumberField(), QCheckBox("Exclusive")
    box.setModel(QStringListModel(["kepler", "tycho"], box))
    spin.setValue(2)
    check.setChecked(True)
    off = QCheckBox("Off")
    line = QLineEdit("python train.py --lr 3e-4")
    for part in (line, box, spin, check, off):
        row.addWidget(part)
    column.addLayout(row)
    column.addWidget(Label("A title of twenty pixels", "title"))
    column.addWidget(Label("A card's title", "card"))
    column.addWidget(Label("Base text. 0123456789", "base"))
    column.addWidget(Label("Secondary text", "secondary"))
    column.addWidget(Label("A reason in danger's colour", "danger"))
    column.addWidget(Label("python train.py --lr 3e-4", "mono"))
    column.addStretch(1)
    toasts = ToastHost(whole)
    toasts.show_toast("Copied the log's path", "ok")
    toasts.show_toast("kepler is back", "info", "Show")
    toasts.show_toast(
        "The run wasn't stopped: kepler doesn't answer. Try again when it is back.", "danger"
    )
    return whole


def states() -> QWidget:
    whole = QWidget()
    row = QHBoxLayout(whole)
    row.setContentsMargins(24, 24, 24, 24)
    row.setSpacing(24)
    left, right = QVBoxLayout(), QVBoxLayout()
    left.addWidget(
        EmptyState(
            IconName.PLAY,
            "No runs yet",
            "A run is a command with a snapshot of a project, sent to where it fits. "
            "Its log and outputs will be here.",
            "New run…",
        ),
        1,
    )
    error = ErrorPanel()
    error.set_error(
        "kepler can't be reached",
        "The connection was refused at 192.0.2.7:7321 three times.",
        "Check that the machine is on and that its agent runs: systemctl --user status lanherd.",
        "ConnectionRefusedError(111)",
        "Try again",
    )
    left.addWidget(error)
    for shape in _SHAPES:
        skeleton = Skeleton(shape)
        skeleton.start()
        right.addWidget(skeleton, 1)
    row.addLayout(left, 1)
    row.addLayout(right, 1)
    return whole


_SHAPES: tuple[Literal["cards"], Literal["rows"], Literal["text"]] = ("cards", "rows", "text")


def previews() -> QWidget:
    whole = QWidget()
    row = QHBoxLayout(whole)
    row.setContentsMargins(24, 24, 24, 24)
    row.setSpacing(16)
    table, image, broken, text = CsvPreview(), ImageView(), ImageView(), TextPreview()
    table.set_bytes(csv_bytes())
    image.set_bytes(png_bytes())
    broken.set_bytes(png_bomb())
    text.set_bytes(b'{\n  "loss": 0.5457,\n  "html": "<b>plain</b>"\n}\n', complete=False)
    right = QVBoxLayout()
    for part in (image, broken, text):
        right.addWidget(part, 1)
    row.addWidget(table, 3)
    row.addLayout(right, 2)
    return whole


def log_states() -> QWidget:
    whole = QWidget()
    row = QHBoxLayout(whole)
    row.setContentsMargins(24, 24, 24, 24)
    row.setSpacing(16)
    loading, empty, large = LogPane(), LogPane(), log_pane()
    loading.set_state(LogState.LOADING)
    large.set_font_size(16)
    large.set_following(False)
    large.select_all()
    for part in (loading, empty, large):
        row.addWidget(part, 1)
    return whole


def crowded() -> QWidget:
    card, _gauges = machine_card(
        "eight", [reading(n, 12.0 * n, 9.99, 1.1 * n, 24) for n in range(8)]
    )
    narrow, _ = machine_card("narrow", [reading(0), reading(1, None, None, None, None)])
    narrow.setFixedWidth(232)
    narrow.setMinimumHeight(narrow.heightForWidth(232))
    whole = QWidget()
    row = QHBoxLayout(whole)
    row.setContentsMargins(24, 24, 24, 24)
    row.addWidget(card, 1, Qt.AlignmentFlag.AlignTop)
    row.addWidget(narrow, 0, Qt.AlignmentFlag.AlignTop)
    return whole


SCENES: dict[str, tuple[Callable[[], QWidget], tuple[int, int]]] = {
    "machines": (machines, (1440, 900)),
    "run": (run_page, (1440, 900)),
    "controls": (controls, (900, 640)),
    "states": (states, (1100, 800)),
    "previews": (previews, (1200, 760)),
    "log-states": (log_states, (1300, 480)),
    "crowded": (crowded, (700, 480)),
    "forms": (forms, (1320, 760)),
    "panels": (panels, (1100, 960)),
}


def settle(milliseconds: int = _SETTLE_MS) -> None:
    """Lets delayed states (skeletons, searches) come."""
    loop = QEventLoop()
    QTimer.singleShot(milliseconds, loop.quit)
    loop.exec()


def draw(app: QApplication, scene: str, mode: Literal["dark", "light"]) -> QImage:
    theme.apply(app, mode)
    make, size = SCENES[scene]
    # A host without a layout: a window's size hints are more than the platform can do.
    host = QWidget()
    host.resize(*size)
    widget = make()
    widget.setParent(host)
    widget.resize(*size)
    host.show()
    settle()
    image = host.grab().toImage()
    host.close()
    host.deleteLater()
    return image


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication)
    for scene in SCENES:
        for mode in ("dark", "light"):
            draw(app, scene, mode).save(str(folder / f"{scene}-{mode}.png"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
