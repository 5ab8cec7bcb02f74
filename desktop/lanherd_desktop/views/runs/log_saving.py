"""Brings a log to a file of this machine: whole or not at all, with its progress and its end."""

from functools import partial
from pathlib import Path
from typing import BinaryIO

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from lanherd_client.fleet import Fleet
from lanherd_client.log_reading import LogBytes, LogGap
from lanherd_desktop.bridge import Job, in_thread
from lanherd_desktop.state import numbers
from lanherd_desktop.state.room import RunKey
from lanherd_desktop.views.context import WindowContext
from lanherd_desktop.views.widgets.action_bar import TransferBar
from lanherd_protocol.errors import ErrorCode, Failure, LanherdError, error
from lanherd_protocol.log_messages import LogStream

Amounts = tuple[int, int]
"""Bytes done, and bytes in all."""
_NAME_CHARS_MAX = 80


class LogSaver(QObject):
    """One at a time; `bar` stands where it is shown, and its button ends it."""

    def __init__(self, context: WindowContext) -> None:
        super().__init__()
        self._context = context
        self._job: Job[Path] | None = None
        self.bar = TransferBar()
        self.bar.closed.connect(self._on_closed)

    def ask(self, key: RunKey, title: str, attempt: int, stream: LogStream) -> None:
        """Let a person choose the file; nothing while another log is on its way."""
        if self._job is not None:
            return
        chosen, _ = QFileDialog.getSaveFileName(
            self.bar, self.tr("Save the log as"), file_name(title, attempt, stream)
        )
        if chosen:
            self.save_to(key, Path(chosen), attempt, stream)

    def save_to(self, key: RunKey, target: Path, attempt: int, stream: LogStream) -> None:
        self.bar.begin(self.tr("Saving {name}").format(name=target.name))
        self._job = self._context.ask(
            partial(_save, key, target, attempt, stream),
            self._on_saved,
            self._on_failed,
            self._on_progress,
        )

    def _on_progress(self, amounts: Amounts) -> None:
        done, total = amounts
        self.bar.set_progress(
            f"{numbers.size(done)} / {numbers.size(total)}", done / total if total else None
        )

    def _on_saved(self, target: Path) -> None:
        self._end()
        self._context.toast_wanted.emit(self.tr("Saved {name}.").format(name=target.name), "ok")

    def _on_failed(self, failure: Failure) -> None:
        self._end()
        self._context.tell_failure(failure)

    def _end(self) -> None:
        self._job = None
        self.bar.finish()

    def _on_closed(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._job = None


def file_name(title: str, attempt: int, stream: LogStream) -> str:
    """A name for a file that says which log it is, on any system."""
    plain = "".join(char if char.isalnum() or char in "-_=." else "_" for char in title)
    kind = "err.log" if stream == "err" else "log"
    return f"{plain[:_NAME_CHARS_MAX].strip('._') or 'run'}.{attempt}.{kind}"


async def _save(
    key: RunKey, target: Path, attempt: int, stream: LogStream, fleet: Fleet, job: Job[Path]
) -> Path:
    """Into a file beside the target, which it then becomes."""
    run = fleet.run_at(*key)
    known = await run.describe_log(attempt=attempt, stream=stream)
    partial_file = target.with_name(f"{target.name}.part")
    done = 0
    try:
        with await in_thread(lambda: partial_file.open("wb")) as file:
            async for item in run.logs(0, attempt=known.attempt, stream=stream):
                await in_thread(partial(_write, file, item))
                done += len(item.data) if isinstance(item, LogBytes) else 0
                job.progress((done, max(done, known.stored_bytes)))
        await in_thread(lambda: partial_file.replace(target))
    except OSError as problem:
        raise _unwritable(target, problem) from problem
    finally:
        await in_thread(lambda: partial_file.unlink(missing_ok=True))
    return target


def _write(file: BinaryIO, item: LogBytes | LogGap) -> None:
    if isinstance(item, LogBytes):
        file.write(item.data)
        return
    # Whoever reads the file must not take its two halves for one.
    size = numbers.size(item.to - item.offset)
    file.write(f"\n--- {size} were given up for the log's cap ---\n".encode())


def _unwritable(target: Path, problem: OSError) -> LanherdError:
    return error(
        ErrorCode.DISK_FULL,
        f"{target.name} can't be written.",
        f"{problem.strerror or problem}.",
        "Save it at another place, or make room there.",
    )
