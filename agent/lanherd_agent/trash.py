"""Removing what runs left, however much it is and however it was made.

A directory is renamed into `home/trash/` first: from then on nobody finds it, and a crash leaves
nothing half removed where it was. Then the trash is emptied, in a thread that yields to others.

What a run made may be deeper than paths are long, closed to its own user, or full of links; it may
have other file systems mounted in it. So every folder is moved up into the trash before its own
content is looked at, links are removed and never followed, and another file system is left alone.
"""

import contextlib
import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from lanherd_agent.disk import sync_path

NICENESS = 10
NAME_BYTES = 12
FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
PROBLEMS_TOLD_MAX = 8


def idle_thread() -> ThreadPoolExecutor:
    """One thread that leaves the processor to whoever wants it."""
    return ThreadPoolExecutor(1, thread_name_prefix="lanherd-files", initializer=_yield_to_others)


def _yield_to_others() -> None:
    # On Linux a niceness is the thread's own; a host that refuses it has it no less.
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


@dataclass
class Emptied:
    """What an emptying came to."""

    removed: int = 0
    left: int = 0
    problems: list[str] = field(default_factory=list)

    def note(self, name: str, problem: OSError) -> None:
        self.left += 1
        if len(self.problems) < PROBLEMS_TOLD_MAX:
            self.problems.append(f"{name}: {problem.strerror or problem}")


class Trash:
    """One home's trash. Its methods block for the disk: call them in a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, path: Path) -> bool:
        """Put a directory here, durably; False if it isn't there (any more). Raises OSError."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        try:
            path.rename(self._folder / _new_name())
        except FileNotFoundError:
            return False
        sync_path(path.parent)
        sync_path(self._folder)
        return True

    def empty(self, cancelled: threading.Event) -> Emptied:
        """Remove all that is here, but for what can't be; what is left then stays to the next."""
        emptied = Emptied()
        try:
            trash = os.open(self._folder, FOLDER_FLAGS)
        except FileNotFoundError:
            return emptied
        try:
            names = os.listdir(trash)
            while names and not cancelled.is_set():
                name = names.pop()
                try:
                    self._remove(trash, name, names, emptied, cancelled)
                except FileNotFoundError:
                    continue  # somebody else was at it, and is done
                except OSError as problem:
                    emptied.note(name, problem)
        finally:
            os.close(trash)
        return emptied

    def _remove(
        self,
        trash: int,
        name: str,
        names: list[str],
        emptied: Emptied,
        cancelled: threading.Event,
    ) -> None:
        try:
            folder = _open_folder(name, trash)
        except NotADirectoryError:
            os.unlink(name, dir_fd=trash)
            emptied.removed += 1
            return
        try:
            if os.fstat(folder).st_dev != os.fstat(trash).st_dev:
                raise OSError(errno.EXDEV, "another file system is mounted there")
            self._clear(folder, trash, names, emptied, cancelled)
        finally:
            os.close(folder)
        if not cancelled.is_set():
            os.rmdir(name, dir_fd=trash)
            emptied.removed += 1

    def _clear(
        self,
        folder: int,
        trash: int,
        names: list[str],
        emptied: Emptied,
        cancelled: threading.Event,
    ) -> None:
        os.fchmod(folder, 0o700)
        with os.scandir(folder) as entries:
            for entry in entries:
                if cancelled.is_set():
                    return
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.name, dir_fd=folder)
                    emptied.removed += 1
                    continue
                moved = _new_name()
                _make_ours(entry.name, folder)
                os.rename(entry.name, moved, src_dir_fd=folder, dst_dir_fd=trash)
                names.append(moved)


def _new_name() -> str:
    """Not a number: an agent that was killed has left its own here."""
    return os.urandom(NAME_BYTES).hex()


def _open_folder(name: str, parent: int) -> int:
    try:
        return os.open(name, FOLDER_FLAGS, dir_fd=parent)
    except PermissionError:
        _make_ours(name, parent)
        return os.open(name, FOLDER_FLAGS, dir_fd=parent)
    except OSError as problem:
        if problem.errno == errno.ELOOP:  # a link
            raise NotADirectoryError(*problem.args) from problem
        raise


def _make_ours(name: str, parent: int) -> None:
    """A folder closed to its own user can be neither read nor moved."""
    flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    folder = os.open(name, flags, dir_fd=parent)
    try:
        if os.fstat(folder).st_mode & 0o700 != 0o700:
            os.chmod(f"/proc/self/fd/{folder}", 0o700)
    finally:
        os.close(folder)


def disk_usage(folder: Path, cancelled: threading.Event) -> int:
    """The bytes that a directory and all in it take on its disk. Blocks for the disk.

    No link is followed, no other file system entered; a file with several names counts once.
    """
    total, seen = 0, set[int]()
    try:
        device = folder.lstat().st_dev
    except FileNotFoundError:
        return 0
    waiting = [os.fspath(folder)]
    while waiting and not cancelled.is_set():
        # What is closed to us, too deep for a path, or gone meanwhile is not counted.
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    if status.st_dev != device or status.st_ino in seen:
                        continue
                    if status.st_nlink > 1 and not entry.is_dir(follow_symlinks=False):
                        seen.add(status.st_ino)
                    total += status.st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    return total
