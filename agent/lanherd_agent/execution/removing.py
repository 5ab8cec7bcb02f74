"""Removing the files of runs that are over: out of sight at once, off the disk soon after."""

import asyncio
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from lanherd_agent.core import effects as f
from lanherd_agent.core import events as e
from lanherd_agent.execution.telling import Telling
from lanherd_agent.home import AgentHome
from lanherd_agent.trash import Trash, idle_thread
from lanherd_protocol.aio.tasks import TaskOwner

log = logging.getLogger("lanherd.executor")


class Removing:
    """What an agent that was killed left in the trash goes when the next one begins."""

    def __init__(self, home: AgentHome, telling: Telling) -> None:
        self._home = home
        self._telling = telling
        self._trash = Trash(home.root / "trash")
        self._filled = asyncio.Event()
        self._filled.set()

    def open(self, tasks: TaskOwner) -> None:
        tasks.spawn(self._keep_empty(), "trash")

    async def remove(self, effect: f.RemoveFiles) -> None:
        problem = ""
        try:
            await asyncio.to_thread(self._trash.take, self._home.runs / effect.run)
        except OSError as refused:
            problem = refused.strerror or str(refused)
            log.warning("the files of run %s can't be removed: %s", effect.run, problem)
        else:
            self._filled.set()
        self._telling.post(e.FilesRemoved(run=effect.run, at=time.time(), problem=problem))

    async def _keep_empty(self) -> None:
        cancelled = threading.Event()
        with idle_thread() as thread:
            try:
                while True:
                    await self._filled.wait()
                    self._filled.clear()
                    await self._empty(thread, cancelled)
            finally:
                cancelled.set()

    async def _empty(self, thread: ThreadPoolExecutor, cancelled: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        try:
            emptied = await loop.run_in_executor(thread, self._trash.empty, cancelled)
        except OSError as problem:
            log.warning("the trash can't be emptied: %s", problem)
            return
        if emptied.left:
            told = "; ".join(emptied.problems)
            log.warning("%d of removed runs' folders can't be removed: %s", emptied.left, told)
