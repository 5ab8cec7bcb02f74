"""A run by its machine and its id: what is known of it, and waiting for what becomes of it."""

from collections.abc import Callable

from lanherd_client.attempts import attempts_of
from lanherd_client.mirror import Input, Mirror, Refused, RunSeen
from lanherd_client.session import Session
from lanherd_protocol.errors import from_failure
from lanherd_protocol.ids import DeviceId, RunId, short_id
from lanherd_protocol.messages import GetRun
from lanherd_protocol.methods import RUNS_GET
from lanherd_protocol.states import AttemptEnd, Ended, Running, RunView, Stopping


class RunHandle:
    """What all that is done with a run stands on."""

    def __init__(
        self,
        machine: DeviceId,
        run: RunId,
        session: Session,
        mirror: Mirror,
        take: Callable[[Input], None],
        new_id: Callable[[], str],
    ) -> None:
        self.machine = machine
        self.id = run
        self._session = session
        self._mirror = mirror
        self._take = take
        self._new_id = new_id

    def __repr__(self) -> str:
        return f"<Run {short_id(self.id)} on {self._session.name}>"

    @property
    def machine_name(self) -> str:
        return self._session.name

    @property
    def view(self) -> RunView | None:
        """The run as it is known now, without asking; None while nothing is known of it."""
        return self._mirror.run(self.machine, self.id)

    async def refresh(self) -> RunView:
        """The run as its machine knows it. Raises `NotFoundError`."""
        answer = await self._session.insist(RUNS_GET, GetRun(run=self.id))
        self._take(RunSeen(self.machine, answer.view))
        return answer.view

    async def attempts(self) -> tuple[AttemptEnd, ...]:
        """How its attempts ended, oldest first; the one that is under way is not among them."""
        return attempts_of(await self.refresh())

    async def wait(self) -> RunView:
        """Waits until the run has ended. Raises when it is unknown or the machine refuses us."""
        return await self._until(lambda view: isinstance(view.state, Ended))

    async def wait_started(self) -> RunView:
        """Waits until the command is alive, or the run is past that."""
        return await self._until(lambda view: isinstance(view.state, Running | Stopping | Ended))

    async def wait_attempt(self, attempt: int) -> RunView:
        """Waits until that attempt is over: the run has ended, or is at a later attempt."""
        return await self._until(
            lambda view: isinstance(view.state, Ended) or view.attempt > attempt
        )

    async def _until(self, reached: Callable[[RunView], bool]) -> RunView:
        with self._session.watching(self.id) as news:
            while True:
                news.clear()
                view = self.view or await self.refresh()
                if reached(view):
                    return view
                self._raise_if_refused()
                await news.wait()

    def _raise_if_refused(self) -> None:
        link = self._session.link
        if isinstance(link, Refused):
            raise from_failure(link.failure)

    async def _told_anew(self) -> None:
        """Asks for a run of which only the reply to its submit is known, though it may have gone on
        before that came: nothing more may be told of it by itself."""
        view = self.view
        if view is None or view.seq == 0:
            await self.refresh()
