"""The logs of a run: followed, read in part, line by line, described and searched.

A reading that is left ends when nobody holds it any more. None of these closes the one that it
stands on: at the end of the event loop both are closed at once, and neither may wait for the other.
"""

from collections.abc import AsyncIterator

from lanherd_client import log_reading, log_searching
from lanherd_client.log_reading import LogBytes, LogGap
from lanherd_client.run_changes import RunChanges
from lanherd_protocol.log_messages import (
    LogDescription,
    LogMatches,
    LogSearched,
    LogSource,
    LogStream,
)
from lanherd_protocol.states import Ended

LINE_BYTES_MAX = 1024 * 1024
"""A longer line is given in pieces of this size."""


class RunLogs(RunChanges):
    """The verbs about logs.

    `attempt` 0 is the latest that was started. `stream` 'err' is for a run that splits its log;
    `source` 'build' is the log of its environment's build. All raise `NotFoundError` where there is
    no such log, or its files were removed.
    """

    async def follow(
        self,
        offset: int = 0,
        *,
        attempt: int = 0,
        source: LogSource = "run",
        stream: LogStream = "out",
    ) -> AsyncIterator[LogBytes]:
        """The log from `offset` on as it is written, until no more of this attempt can come.

        A run that has not started is waited for; one that ended without starting has no log. What
        the log's cap has given up is left out: the next offset tells how much.
        """
        items = self.logs(offset, attempt=attempt, source=source, stream=stream, follow=True)
        async for item in items:
            if isinstance(item, LogBytes):
                yield item

    async def logs(
        self,
        offset: int = 0,
        *,
        length: int | None = None,
        attempt: int = 0,
        source: LogSource = "run",
        stream: LogStream = "out",
        follow: bool = False,
    ) -> AsyncIterator[LogBytes | LogGap]:
        """The log from `offset` on with its gaps: to where it ends now, or as it is written."""
        if follow and source == "run":
            begun = await self._begun_attempt(attempt)
            if begun is None:
                return
            attempt = begun
        items = log_reading.log_chunks(
            self._session,
            self.id,
            attempt=attempt,
            source=source,
            stream=stream,
            offset=offset,
            length=length,
            follow=follow,
        )
        async for item in items:
            yield item

    async def _begun_attempt(self, attempt: int) -> int | None:
        """The attempt whose log is meant, once it was started; None when it never will be."""
        view = self.view or await self.refresh()
        if 0 < attempt < view.attempt:
            return attempt
        view = await self.wait_started()
        if isinstance(view.state, Ended) and view.state.started_at is None:
            # Cancelled before this attempt: the log that there is, is the one before.
            return view.earlier[-1].attempt if view.earlier and not attempt else None
        return attempt or view.attempt

    async def lines(
        self, *, attempt: int = 0, source: LogSource = "run", stream: LogStream = "out"
    ) -> AsyncIterator[str]:
        """The log's lines as they are written, without their ends; what isn't UTF-8 is replaced."""
        waiting = b""
        chunks = self.follow(attempt=attempt, source=source, stream=stream)
        async for chunk in chunks:
            *whole, waiting = (waiting + chunk.data).split(b"\n")
            for line in whole:
                yield line.decode("utf-8", "replace")
            while len(waiting) > LINE_BYTES_MAX:
                yield waiting[:LINE_BYTES_MAX].decode("utf-8", "replace")
                waiting = waiting[LINE_BYTES_MAX:]
        if waiting:
            yield waiting.decode("utf-8", "replace")

    async def read_log(
        self,
        offset: int = 0,
        length: int | None = None,
        *,
        attempt: int = 0,
        source: LogSource = "run",
        stream: LogStream = "out",
    ) -> LogBytes:
        """What the log holds now, from `offset` on, at most `length` bytes and up to a gap; from
        behind the gap, when `offset` is in one."""
        parts: list[bytes] = []
        attempt = attempt or await log_reading.latest_attempt(self._session, self.id)
        items = self.logs(offset, length=length, attempt=attempt, source=source, stream=stream)
        async for item in items:
            if isinstance(item, LogBytes):
                parts.append(item.data)
            elif parts:
                break
            else:
                offset = item.to
        return LogBytes(attempt, offset, b"".join(parts))

    async def describe_log(self, *, attempt: int = 0, stream: LogStream = "out") -> LogDescription:
        """The log as it is now: its size, what of it is kept, and when it grew."""
        return await log_reading.describe_log(
            self._session, self.id, attempt=attempt, stream=stream
        )

    async def search_log(
        self,
        pattern: str,
        *,
        attempt: int = 0,
        stream: LogStream = "out",
        regex: bool = False,
        ignore_case: bool = False,
        offset: int = 0,
        matches_max: int = 1000,
    ) -> AsyncIterator[LogMatches | LogSearched]:
        """Searches the log on its machine: what is found as it is found, and at last how the search
        ended. `pattern` is a text, or with `regex` a regular expression."""
        found = log_searching.search_log(
            self._session,
            self.id,
            pattern,
            attempt=attempt,
            stream=stream,
            regex=regex,
            ignore_case=ignore_case,
            offset=offset,
            matches_max=matches_max,
        )
        async for part in found:
            yield part
