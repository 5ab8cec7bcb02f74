"""The text of a value as a sheet or a script holds it."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

_WHOLE_MAX = 10**15
"""Up to here a spreadsheet's number, which is a double, is every whole number."""


def text_of(value: object) -> str:
    """The text that stands for a value in a command: '3' for 3.0, '0.001' for 1e-3, 'TRUE' as
    spreadsheets write it, dates as ISO 8601. Raises TypeError for what has no such text."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bool():
            return "TRUE" if value else "FALSE"
        case float():
            return str(int(value)) if _is_whole(value) else repr(value)
        case int() | Decimal():
            return str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)
        case _:
            raise TypeError(f"{type(value).__name__} {value!r} has no text of its own")


def _is_whole(value: float) -> bool:
    return value.is_integer() and abs(value) < _WHOLE_MAX
