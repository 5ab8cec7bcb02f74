"""The roles by which list models say what a two-line row shows."""

from enum import IntEnum

from PySide6.QtCore import Qt

_FIRST = int(Qt.ItemDataRole.UserRole)


class RowRole(IntEnum):
    """`CHIP` is a ChipKind or None; the others are texts, but for `DANGER`: a bool."""

    CHIP = _FIRST + 1
    TITLE = _FIRST + 2
    SUBTITLE = _FIRST + 3
    TRAILING = _FIRST + 4
    DANGER = _FIRST + 5
    KEY = _FIRST + 6
    """What identifies the row to the program; never shown."""
    TAGS = _FIRST + 7
    """A tuple of texts."""
    PRIORITY = _FIRST + 8
    """A number; 0 is usual and has no sign."""
    PINNED = _FIRST + 9
    """A bool: whether its files are kept."""
    GROUP = _FIRST + 10
    """The GroupHead of a sweep's row; None of a run's."""
    UNDER = _FIRST + 11
    """A bool: whether the row stands under the head of its sweep."""
