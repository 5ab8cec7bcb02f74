"""One style sheet from the tokens: controls that Qt draws. Cards, gauges and chips draw themselves.

Roles are dynamic properties: `kind` of a button (primary, ghost, danger, icon) and `role` of a
label (title, card, secondary, small, muted, mono, danger).
"""

from dataclasses import asdict
from functools import lru_cache
from string import Template

from lanherd_desktop.platform.resources import resources_path
from lanherd_desktop.views.theme import tokens
from lanherd_desktop.views.theme.tokens import DARK, Palette

_LABELS = """
QLabel { background: transparent; color: $text; }
QLabel[role="title"] { font-size: ${f_title}px; font-weight: 600; }
QLabel[role="card"] { font-size: ${f_card}px; font-weight: 600; }
QLabel[role="strong"] { font-weight: 600; }
QLabel[role="secondary"] { font-size: ${f_secondary}px; color: $muted; }
QLabel[role="small"] { font-size: ${f_small}px; color: $muted; }
QLabel[role="muted"] { color: $muted; }
QLabel[role="danger"] { font-size: ${f_secondary}px; color: $danger; }
QLabel:disabled { color: $muted; }
QToolTip { background: $raised; color: $text; border: 1px solid $border; padding: 4px 8px; }
"""

_BUTTONS = """
QPushButton {
    background: $surface; color: $text; border: 1px solid $border;
    border-radius: ${r_control}px; padding: 0 14px; min-height: ${h_inner}px;
}
QPushButton:hover { background: $raised; border-color: $border_strong; }
QPushButton:pressed { background: $track; }
QPushButton:focus { border-color: $accent; }
QPushButton:disabled { color: $muted; background: transparent; border-color: $border; }
QPushButton:checked { background: $raised; border-color: $border_strong; }
QPushButton[kind="primary"] {
    background: $accent; color: $on_accent; border-color: $accent; font-weight: 600;
}
QPushButton[kind="primary"]:hover { background: $accent_hover; border-color: $accent_hover; }
QPushButton[kind="primary"]:pressed { background: $accent_pressed; border-color: $accent_pressed; }
QPushButton[kind="primary"]:focus { border: 2px solid $text; padding: 0 13px;
    min-height: ${h_inner_focus}px; }
QPushButton[kind="primary"]:disabled {
    background: $track; color: $muted; border-color: $track;
}
QPushButton[kind="danger"] { color: $danger; }
QPushButton[kind="danger"]:hover { border-color: $danger; }
QPushButton[kind="danger"]:focus { border-color: $danger; }
QPushButton[kind="danger"]:disabled { color: $muted; }
QPushButton[kind="day"] { padding: 0; min-width: 30px; color: $muted; }
QPushButton[kind="day"]:checked {
    background: $selection; color: $text; border-color: $accent; font-weight: 600;
}
QPushButton[kind="day"]:focus { border: 2px solid $text; min-width: 28px;
    min-height: ${h_inner_focus}px; }
QPushButton::menu-indicator { image: none; width: 0; }
QToolButton {
    background: transparent; color: $text; border: 1px solid transparent;
    border-radius: ${r_control}px; padding: 4px;
}
QToolButton:hover { background: $raised; }
QToolButton:pressed, QToolButton:checked { background: $track; }
QToolButton:focus { border-color: $accent; }
QToolButton:disabled { background: transparent; }
"""

_INPUTS = """
QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDoubleSpinBox, QComboBox {
    background: $surface; color: $text; border: 1px solid $border;
    border-radius: ${r_control}px; padding: 0 9px;
    selection-background-color: $selection; selection-color: $text;
}
QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox { min-height: ${h_inner}px; }
QPlainTextEdit, QTextEdit { padding: 6px 9px; }
QLineEdit:hover, QSpinBox:hover, QDoubleSpinBox:hover, QComboBox:hover {
    border-color: $border_strong;
}
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QSpinBox:focus,
QDoubleSpinBox:focus, QComboBox:focus { border-color: $accent; }
QLineEdit:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled, QComboBox:disabled {
    background: transparent; color: $muted;
}
QLineEdit[invalid="true"], QSpinBox[invalid="true"] { border-color: $danger; }
QComboBox::drop-down { border: none; width: 26px; }
QComboBox::down-arrow { image: url("$chevron_down"); width: 14px; height: 14px; }
QComboBox QAbstractItemView {
    background: $surface; color: $text; border: 1px solid $border; padding: 4px;
    selection-background-color: $raised; selection-color: $text; outline: none;
}
QSpinBox::up-button, QDoubleSpinBox::up-button {
    subcontrol-origin: border; subcontrol-position: top right; width: 22px; border: none;
}
QSpinBox::down-button, QDoubleSpinBox::down-button {
    subcontrol-origin: border; subcontrol-position: bottom right; width: 22px; border: none;
}
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow {
    image: url("$chevron_up"); width: 12px; height: 12px;
}
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow {
    image: url("$chevron_down"); width: 12px; height: 12px;
}
QCheckBox, QRadioButton { spacing: 8px; color: $text; background: transparent; }
QCheckBox::indicator, QRadioButton::indicator {
    width: 14px; height: 14px; border: 1px solid $border_strong; background: $surface;
}
QCheckBox::indicator { border-radius: ${r_chip}px; }
QRadioButton::indicator { border-radius: 8px; }
QCheckBox::indicator:hover, QRadioButton::indicator:hover { border-color: $accent; }
QCheckBox:focus, QRadioButton:focus { color: $accent; }
QCheckBox::indicator:checked {
    background: $accent; border-color: $accent; image: url("$check");
}
QRadioButton::indicator:checked { border: 5px solid $accent; width: 6px; height: 6px; }
"""

_VIEWS = """
QAbstractScrollArea { background: transparent; border: none; }
QAbstractScrollArea[frame="card"] {
    background: $surface; border: 1px solid $border; border-radius: ${r_card}px; padding: 2px;
}
QAbstractScrollArea[frame="card"]:focus { border-color: $accent; }
QPlainTextEdit[frame="field"] {
    background: $surface; border: 1px solid $border; border-radius: ${r_control}px;
}
QPlainTextEdit[frame="field"]:focus { border-color: $accent; }
QAbstractItemView {
    background: $surface; color: $text; border: none; outline: none;
    alternate-background-color: $hover;
    selection-background-color: $raised; selection-color: $text;
}
QTableView, QTreeView { gridline-color: $border; }
QTableView::item, QTreeView::item { padding: 4px 8px; border: none; }
QTreeView::item { min-height: 26px; }
QTreeView::item:hover, QListView::item:hover { background: $hover; }
QTreeView::item:selected, QTableView::item:selected, QListView::item:selected {
    background: $raised; color: $text;
}
QTreeView::branch { background: transparent; }
QTreeView::branch:has-children:closed { image: url("$chevron_right"); }
QTreeView::branch:has-children:open { image: url("$chevron_down"); }
QHeaderView { background: $surface; border: none; }
QHeaderView::section {
    background: $surface; color: $muted; font-size: ${f_secondary}px;
    border: none; border-bottom: 1px solid $border; padding: 6px 8px;
}
QHeaderView::section:vertical { border: none; font-size: ${f_small}px; padding: 0 8px; }
QTableCornerButton::section { background: $surface; border: none; }
QScrollBar { background: transparent; border: none; margin: 0; }
QScrollBar:vertical { width: 12px; }
QScrollBar:horizontal { height: 12px; }
QScrollBar::handle { background: $track; border: 3px solid transparent; border-radius: 6px; }
QScrollBar::handle:vertical {
    background: $border; min-height: 32px; margin: 2px 3px; border: none; border-radius: 3px;
}
QScrollBar::handle:horizontal {
    background: $border; min-width: 32px; margin: 3px 2px; border: none; border-radius: 3px;
}
QScrollBar::handle:vertical:hover, QScrollBar::handle:horizontal:hover {
    background: $border_strong;
}
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; border: none; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QAbstractScrollArea::corner { background: transparent; border: none; }
QSplitter::handle { background: $border; }
QSplitter[kind="gap"]::handle { background: transparent; }
QSplitter[kind="gap"]::handle:hover { background: $raised; border-radius: 3px; }
QSplitter::handle:horizontal { width: 1px; }
QSplitter::handle:vertical { height: 1px; }
QMainWindow, QDialog { background: $background; }
QMenu { background: $surface; color: $text; border: 1px solid $border; padding: 4px; }
QMenu::item { padding: 6px 24px 6px 12px; border-radius: ${r_chip}px; }
QMenu::item:selected { background: $raised; }
QMenu::item:disabled { color: $muted; }
QMenu::separator { height: 1px; background: $border; margin: 4px 8px; }
QMenuBar { background: $surface; color: $text; }
QMenuBar::item { padding: 4px 10px; background: transparent; }
QMenuBar::item:selected { background: $raised; border-radius: ${r_chip}px; }
QStatusBar { background: $surface; color: $muted; }
QProgressBar {
    background: $track; border: none; border-radius: 3px; max-height: 6px; min-height: 6px;
}
QProgressBar::chunk { background: $accent; border-radius: 3px; }
QGroupBox { border: 1px solid $border; border-radius: ${r_card}px; margin-top: 8px; }
"""

_SHEET = Template(_LABELS + _BUTTONS + _INPUTS + _VIEWS)


@lru_cache(maxsize=2)
def style_sheet(palette: Palette) -> str:
    # Style sheets take images only from files: two tints of four arrows are drawn as data.
    themed = resources_path() / "icons" / ("dark" if palette is DARK else "light")
    images = {
        name: (themed / f"{name.replace('_', '-')}.svg").as_posix()
        for name in ("chevron_down", "chevron_up", "chevron_right", "check")
    }
    return _SHEET.substitute(
        asdict(palette),
        **images,
        f_title=tokens.FONT_TITLE,
        f_card=tokens.FONT_CARD,
        f_secondary=tokens.FONT_SECONDARY,
        f_small=tokens.FONT_SMALL,
        r_card=tokens.RADIUS_CARD,
        r_control=tokens.RADIUS_CONTROL,
        r_chip=tokens.RADIUS_CHIP,
        h_inner=tokens.CONTROL_HEIGHT - 2,
        h_inner_focus=tokens.CONTROL_HEIGHT - 4,
    )
