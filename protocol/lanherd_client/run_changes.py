"""What may be changed of a run.

Each change has an id that is made once. It is sent again after every cut, and the machine answers
the same id with the same reply: so it is done exactly once, however often the line is cut.
"""

from collections.abc import Callable, Iterable
from typing import Self

from lanherd_client.mirror import RunSeen
from lanherd_client.order_checks import check_types, check_words, seconds_of
from lanherd_client.orders import Seconds, signal_of, words_of
from lanherd_client.run_handle import RunHandle
from lanherd_protocol.ids import CommandId, RunId
from lanherd_protocol.messages import ChangeRun, RemoveRunFiles, RestartRun, StopRun
from lanherd_protocol.methods import RUNS_CHANGE, RUNS_REMOVE_FILES, RUNS_RESTART, RUNS_STOP
from lanherd_protocol.states import RunView

_TagChange = Callable[[tuple[str, ...]], Iterable[str]]


class RunChanges(RunHandle):
    """The verbs of a run. Each returns the run as it was when the machine had taken the change.

    All raise `NotFoundError`, `NOT_ALLOWED` for a run of somebody else's, and `ConflictError` where
    the run's state doesn't let it be done.
    """

    async def stop(self, grace_s: Seconds | None = None, *, signal: str | None = None) -> RunView:
        """Ends the run: the signal, and SIGKILL after `grace_s`; one that waits is cancelled.

        What is None is as the run itself says (`stop_signal`, `grace`; else SIGTERM and 10 s).
        A second stop can bring the kill nearer, or send another signal; it never puts it off.
        Returns once the machine has taken the wish, not when the run has ended.
        """
        if grace_s is None:
            view = self.view or await self.refresh()
            grace_s = view.spec.stop.grace_s
        request = StopRun(
            command=self._new_command(),
            run=self.id,
            grace_s=seconds_of(grace_s, "grace_s"),
            signal=None if signal is None else signal_of(signal),
        )
        return self._taken((await self._session.insist(RUNS_STOP, request)).view)

    async def change(
        self,
        *,
        priority: int | None = None,
        held: bool | None = None,
        tags: Iterable[str] | None = None,
        notes: str | None = None,
        pinned: bool | None = None,
        before: RunId | None = None,
    ) -> RunView:
        """Changes several settings at once; what is None stays as it is. `before` is another run
        that waits on the same machine, which this one is moved ahead of."""
        said = {"priority": priority, "hold": held, "notes": notes, "pinned": pinned}
        check_types({name: value for name, value in said.items() if value is not None})
        request = ChangeRun(
            command=self._new_command(),
            run=self.id,
            priority=priority,
            held=held,
            tags=None if tags is None else check_words(words_of(tags), "tags"),
            notes=notes,
            pinned=pinned,
            before=before,
        )
        return self._taken((await self._session.insist(RUNS_CHANGE, request)).view)

    async def hold(self) -> RunView:
        """Keeps a run that waits from being started until it is released."""
        return await self.change(held=True)

    async def release(self) -> RunView:
        """Lets a held run go on."""
        return await self.change(held=False)

    async def set_priority(self, priority: int) -> RunView:
        """Moves the run in its machine's queue: a higher priority (-100 to 100) goes first."""
        return await self.change(priority=priority)

    async def move_before(self, other: RunId) -> RunView:
        """Moves a run that waits ahead of another one of the same machine."""
        return await self.change(before=other)

    async def tag(self, *tags: str) -> RunView:
        """Adds tags to the run's."""
        return await self._retag(lambda known: (*known, *tags))

    async def untag(self, *tags: str) -> RunView:
        """Takes tags off; those that it doesn't have are no matter."""
        return await self._retag(lambda known: (tag for tag in known if tag not in tags))

    async def retag(self, add: Iterable[str] = (), remove: Iterable[str] = ()) -> RunView:
        """Adds tags and takes others off in one change."""
        added, removed = words_of(add), frozenset(words_of(remove))
        return await self._retag(
            lambda known: (*(tag for tag in known if tag not in removed), *added)
        )

    async def note(self, text: str) -> RunView:
        """Replaces the run's notes; an empty text removes them."""
        return await self.change(notes=text)

    async def pin(self) -> RunView:
        """Keeps the run's files from being removed, by retention or by hand."""
        return await self.change(pinned=True)

    async def unpin(self) -> RunView:
        """Leaves the run's files to retention again."""
        return await self.change(pinned=False)

    async def restart(self, new_run: RunId | None = None) -> Self:
        """Submits the same run once more, as a new one that is returned.

        `new_run` is its id where that must be known before. Dependencies are not taken over.
        """
        wanted = new_run or RunId(self._new_id())
        before = self._session.connections
        request = RestartRun(run=self.id, new_run=wanted)
        answer = await self._session.insist(RUNS_RESTART, request)
        again = type(self)(
            self.machine, wanted, self._session, self._mirror, self._take, self._new_id
        )
        again._taken(answer.view)
        if new_run is not None or self._session.connections != before:
            await again._told_anew()
        return again

    async def remove_files(self) -> RunView:
        """Removes logs, outputs and files of a run that has ended; what is known of it stays.

        Raises `ConflictError` for one that has not ended or is pinned.
        """
        request = RemoveRunFiles(command=self._new_command(), run=self.id)
        return self._taken((await self._session.insist(RUNS_REMOVE_FILES, request)).view)

    async def _retag(self, change: _TagChange) -> RunView:
        # Asked for first: what another controller tagged meanwhile must not be lost.
        view = await self.refresh()
        return await self.change(tags=change(view.settings.tags))

    def _new_command(self) -> CommandId:
        return CommandId(self._new_id())

    def _taken(self, view: RunView) -> RunView:
        self._take(RunSeen(self.machine, view))
        return view
