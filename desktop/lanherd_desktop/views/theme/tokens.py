"""Every colour, distance and size of the window. Widgets name tokens, never values."""

from dataclasses import dataclass
from typing import Final

SPACE_1: Final = 4
SPACE_2: Final = 8
SPACE_3: Final = 12
SPACE_4: Final = 16
SPACE_5: Final = 24

RADIUS_CARD: Final = 10
RADIUS_CONTROL: Final = 6
RADIUS_CHIP: Final = 4

FONT_TITLE: Final = 20
FONT_CARD: Final = 15
FONT_BASE: Final = 13
FONT_SECONDARY: Final = 12
FONT_SMALL: Final = 11
FONT_TINY: Final = 10

WEIGHT_STRONG: Final = 600

CONTROL_HEIGHT: Final = 32
NAV_WIDTH: Final = 200
NAV_WIDTH_FOLDED: Final = 56
MOTION_MS: Final = 120
SKELETON_DELAY_MS: Final = 150
TOAST_MS: Final = 5_000
TOAST_FAILURE_MS: Final = 12_000

DIMMED_ALPHA: Final = 0.4


@dataclass(frozen=True, slots=True)
class Palette:
    """One theme. Colours are '#rrggbb'."""

    background: str
    surface: str
    raised: str
    hover: str
    border: str
    border_strong: str
    track: str
    text: str
    muted: str
    accent: str
    accent_hover: str
    accent_pressed: str
    on_accent: str
    foreign: str
    danger: str
    ok: str
    info: str
    violet: str
    selection: str
    match: str
    match_current: str
    on_match: str


# Tables and the log name the same hues; the terminal's black and white are the theme's
# muted and text, so that no program's choice of colour can make its own words unreadable.
DARK: Final = Palette(
    background="#10141a",
    surface="#171d25",
    raised="#1f2731",
    hover="#1b222b",
    border="#2b3541",
    border_strong="#3a4653",
    track="#28323d",
    text="#e7ecf2",
    muted="#94a3b4",
    accent="#2dd4bf",
    accent_hover="#4fe0cd",
    accent_pressed="#22b8a5",
    on_accent="#0b1f1d",
    foreign="#f5a524",
    danger="#f87171",
    ok="#4ade80",
    info="#60a5fa",
    violet="#c084fc",
    selection="#1f4f55",
    match="#5c4712",
    match_current="#f5a524",
    on_match="#10141a",
)

LIGHT: Final = Palette(
    background="#f4f6f9",
    surface="#ffffff",
    raised="#eef2f6",
    hover="#f6f8fa",
    border="#dbe2ea",
    border_strong="#c2ccd7",
    track="#e3e9f0",
    text="#18212c",
    muted="#566577",
    accent="#0f766e",
    accent_hover="#0d8a80",
    accent_pressed="#0b5f58",
    on_accent="#ffffff",
    foreign="#b45309",
    danger="#b91c1c",
    ok="#15803d",
    info="#1d4ed8",
    violet="#7e22ce",
    selection="#bfe5e0",
    match="#fde9b8",
    match_current="#b45309",
    on_match="#ffffff",
)

# ANSI colours 0..7 and their bright twins, by token.
ANSI_TOKENS: Final = (
    "muted",
    "danger",
    "ok",
    "foreign",
    "info",
    "violet",
    "accent",
    "text",
)
