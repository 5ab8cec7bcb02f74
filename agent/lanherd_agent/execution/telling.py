"""How the executor's parts tell the shell what they did, without the secrets of any run."""

import logging
from collections.abc import Callable

from msgspec.structs import replace

from lanherd_agent.core.events import Fact
from lanherd_agent.execution.failures import UNEXPECTED, directory_failure
from lanherd_agent.runs.rundir import RunDirError
from lanherd_agent.shell.shell import Shell
from lanherd_protocol.errors import Failure, LanherdError
from lanherd_protocol.ids import RunId

log = logging.getLogger("lanherd.executor")


class Telling:
    def __init__(
        self,
        shell: Shell,
        redact: Callable[[str], str],
        secrets: Callable[[], tuple[str, ...]] = tuple,
    ) -> None:
        self._shell = shell
        self.redact = redact
        self.secrets = secrets
        """What is taken out of the bytes of a log before anything of it is told."""

    def post(self, fact: Fact) -> None:
        self._shell.post(fact)

    def story(self, run: RunId) -> str:
        return self._shell.story(run)

    def failure(self, problem: Exception, run: RunId) -> Failure:
        """What is told of a run that came to nothing because of this."""
        match problem:
            case LanherdError():
                return self.redacted(problem.failure)
            case OSError() | RunDirError():
                return self.redacted(directory_failure(problem))
            case _:
                log.error("run %s: %s", run, self.story(run), exc_info=problem)
                return UNEXPECTED

    def redacted(self, failure: Failure) -> Failure:
        redact = self.redact
        data = {k: redact(v) if isinstance(v, str) else v for k, v in failure.data.items()}
        return replace(
            failure,
            title=redact(failure.title),
            message=redact(failure.message),
            remedy=redact(failure.remedy),
            data=data,
        )
