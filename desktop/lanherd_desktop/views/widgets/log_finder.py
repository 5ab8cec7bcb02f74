"""Drives a search through a log in steps, so that the window stays awake, and keeps its place."""

import re
from collections.abc import Iterator

from PySide6.QtCore import QObject, QTimer, Signal

from lanherd_desktop.state.log_buffer import LogBuffer
from lanherd_desktop.state.log_search import LogSearch, Match


class LogFinder(QObject):
    """`found` says (current from 1 or 0, total, whether all was searched); `went_to` a Match."""

    found = Signal(int, int, bool)
    went_to = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.text = ""
        self._pattern: re.Pattern[str] | None = None
        self._search: LogSearch | None = None
        self._current: Match | None = None
        self._from_row: int | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._advance)

    def look_for(self, buffer: LogBuffer, text: str, from_row: int) -> None:
        """Begins anew, and goes to the first match at or below `from_row`; '' ends it."""
        self.text = text
        self._current = None
        self._timer.stop()
        if not text:
            self._pattern = self._search = self._from_row = None
            self.found.emit(0, 0, True)
            return
        self._from_row = from_row
        # Of letters, A to Z alone match in either case: as in the bytes that are searched.
        self._pattern = re.compile(re.escape(text), re.IGNORECASE | re.ASCII)
        self._search = LogSearch(buffer, text)
        self._timer.start()

    def resume(self) -> None:
        """More was appended."""
        if self._search is not None and not self._search.capped:
            self._timer.start()

    def step(self, by: int, from_row: int) -> None:
        """To the next (1) or the previous (-1) match, around the ends."""
        search = self._search
        if search is None or not search.total:
            return
        number = self._number(search)
        if number is None:
            number = search.at_or_after(from_row) - (1 if by > 0 else 0)
        self._go_to(search, (number + by) % search.total)

    def matches_in(self, row: int, text: str) -> Iterator[tuple[int, int, bool]]:
        """(from, to, whether it is the current one) of each match in a shown row."""
        if self._pattern is not None:
            for count, match in enumerate(self._pattern.finditer(text)):
                yield (match.start(), match.end(), self._current == Match(row, count))

    def place_of(self, match: Match, text: str) -> tuple[int, int] | None:
        places = list(self.matches_in(match.row, text))
        return places[match.occurrence][:2] if match.occurrence < len(places) else None

    def _advance(self) -> None:
        search = self._search
        if search is None or search.advance():
            self._timer.stop()
        if search is None:
            return
        if self._from_row is not None and search.total:
            number = search.at_or_after(self._from_row)
            if number < search.total or search.done:
                self._go_to(search, number % search.total)
                return
        self._tell(search)

    def _number(self, search: LogSearch) -> int | None:
        if self._current is None:
            return None
        return search.at_or_after(self._current.row) + self._current.occurrence

    def _go_to(self, search: LogSearch, number: int) -> None:
        self._from_row = None
        self._current = search.match(number)
        self.went_to.emit(self._current)
        self._tell(search)

    def _tell(self, search: LogSearch) -> None:
        number = self._number(search)
        self.found.emit(0 if number is None else number + 1, search.total, search.done)
