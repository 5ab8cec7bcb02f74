"""A folder that is watched: what counts as a change, and what is done where it can't be watched."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from watchfiles import Change

from lanherd_client.projects.scan import scan
from lanherd_client.projects.scan_cache import ScanCache
from lanherd_client.projects.watching import Watch, is_left_out
from tests.support.waiting import wait_until_async

Changes = set[tuple[Change, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    (made / "data").mkdir(parents=True)
    (made / "a.py").write_text("one")
    (made / "data" / "big.csv").write_text("1,2")
    (made / ".lanherdignore").write_text("/data/\n*.log\n")
    (made / "run.log").write_text("log")
    return made


def test_what_stayed_at_home_says_nothing(folder: Path, tmp_path: Path) -> None:
    cache = ScanCache.of(folder, tmp_path / "home")
    scan(folder, cache=cache)
    kept = cache.load()
    assert kept is not None
    for path, left_out in {
        "run.log": True,
        "data": True,
        "data/big.csv": True,
        "data/inner/deep.csv": True,
        "a.py": False,
        "new.py": False,
        "new/file.py": False,
        ".lanherdignore": False,
    }.items():
        assert is_left_out(kept, path.split("/")) is left_out, path


def test_a_virtual_environment_is_no_change(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    (folder / "env").mkdir(parents=True)
    (folder / "env" / "pyvenv.cfg").write_text("home = /usr\n")
    (folder / "a.py").write_text("one")
    cache = ScanCache.of(folder, tmp_path / "home")
    scan(folder, cache=cache)
    kept = cache.load()
    assert kept is not None
    assert is_left_out(kept, ["env", "lib", "x.py"])


class Acts:
    """Scans each time, as a push does, and counts; ends the watch after enough."""

    def __init__(self, folder: Path, cache: ScanCache) -> None:
        self.count = 0
        self._folder = folder
        self._cache = cache

    async def __call__(self) -> None:
        await asyncio.to_thread(scan, self._folder, cache=self._cache)
        self.count += 1


async def test_a_change_is_acted_upon_and_one_that_stays_at_home_is_not(
    folder: Path, tmp_path: Path
) -> None:
    cache = ScanCache.of(folder, tmp_path / "home")
    acts, said = Acts(folder, ScanCache.of(folder, tmp_path / "home")), list[str]()
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(Watch(folder, cache, said.append).run(acts))
        await wait_until_async(lambda: acts.count == 1)
        (folder / "a.py").write_text("two")
        await wait_until_async(lambda: acts.count >= 2)
        seen = acts.count
        (folder / "run.log").write_text("more")
        (folder / "data" / "big.csv").write_text("3,4")
        # A change behind these that counts: by the time it was seen, they would have been.
        (folder / "b.py").write_text("new")
        await wait_until_async(lambda: acts.count > seen)
        watching.cancel()
    assert said == []


class Broken:
    """A system that can't watch, for so many tries; then it tells of changes as it is asked to."""

    def __init__(self, fails: int) -> None:
        self.fails = fails
        self.tries = 0
        self.given: list[dict[str, Any]] = []
        self.changes: asyncio.Queue[Changes] = asyncio.Queue()

    async def __call__(self, *paths: Path, **given: Any) -> AsyncIterator[Changes]:
        self.tries += 1
        self.given.append(given)
        if self.tries <= self.fails:
            raise OSError(28, "inotify watch limit reached")
        while True:
            yield await self.changes.get()


async def until(acts: Acts, watch: Watch, done: Callable[[], bool]) -> None:
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch.run(acts))
        await wait_until_async(done)
        watching.cancel()


async def test_where_the_system_can_not_watch_the_folder_is_looked_at_now_and_then(
    folder: Path, tmp_path: Path
) -> None:
    cache, said = ScanCache.of(folder, tmp_path / "home"), list[str]()
    acts, broken = Acts(folder, ScanCache.of(folder, tmp_path / "home")), Broken(2)
    watch = Watch(folder, cache, said.append, broken, poll_s=0.01, retry_s=0.05)
    await until(acts, watch, lambda: acts.count > 1 and broken.tries == 3)
    # Said once, however often it is tried.
    assert len(said) == 1
    assert "inotify watch limit reached" in said[0] and "every 0.01 seconds" in said[0]


async def test_a_look_without_a_known_change_comes_now_and_then(
    folder: Path, tmp_path: Path
) -> None:
    cache = ScanCache.of(folder, tmp_path / "home")
    acts, watcher = Acts(folder, ScanCache.of(folder, tmp_path / "home")), Broken(0)
    watch = Watch(folder, cache, lambda text: None, watcher, rescan_s=7.0)
    watcher.changes.put_nowait(set())
    await until(acts, watch, lambda: acts.count >= 1 and watcher.changes.empty())
    assert watcher.given[0]["rust_timeout"] == 7000
    assert watcher.given[0]["yield_on_timeout"]


async def test_changes_meanwhile_are_acted_upon_afterwards(folder: Path, tmp_path: Path) -> None:
    cache, watcher = ScanCache.of(folder, tmp_path / "home"), Broken(0)
    acting, gate = asyncio.Event(), asyncio.Event()
    counts: list[int] = []

    async def act() -> None:
        counts.append(len(counts))
        acting.set()
        await gate.wait()

    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(Watch(folder, cache, lambda text: None, watcher).run(act))
        await acting.wait()
        for _ in range(3):
            watcher.changes.put_nowait({(Change.modified, os.fspath(folder / "a.py"))})
        await wait_until_async(watcher.changes.empty)
        gate.set()
        await wait_until_async(lambda: len(counts) == 2)
        watching.cancel()
    assert counts == [0, 1]


async def test_a_watch_that_ends_by_itself_is_begun_again(folder: Path, tmp_path: Path) -> None:
    tries: list[int] = []

    async def ends(*paths: Path, **given: Any) -> AsyncIterator[Changes]:
        tries.append(1)
        yield set()

    cache = ScanCache.of(folder, tmp_path / "home")
    acts = Acts(folder, ScanCache.of(folder, tmp_path / "home"))
    watch = Watch(folder, cache, lambda text: None, ends, poll_s=0.01, retry_s=0.02)
    await until(acts, watch, lambda: len(tries) > 2)
