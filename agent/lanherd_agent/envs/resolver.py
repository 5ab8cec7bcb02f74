"""From what is asked for to a lock with hashes, for one interpreter of this machine.

The answer is kept under the question, so that the same question has the same answer until someone
asks anew. uv is asked to do with its cache first, as a build is.
"""

import asyncio
import os
import shutil
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from lanherd_agent.disk import in_thread, write_durably
from lanherd_agent.envs import failures, requirements
from lanherd_agent.envs.build import BUILD_LOG, GUARD
from lanherd_agent.envs.builder import EnvironmentBuilder
from lanherd_agent.envs.problems import (
    build_failed,
    build_took_too_long,
    disk_refused,
    is_final,
    needs_source,
    source_forbidden,
)
from lanherd_agent.envs.progress import BuildProgress, Gates, Tell
from lanherd_agent.envs.requirements import Entry
from lanherd_agent.envs.sources import PYPROJECT, Question
from lanherd_agent.envs.surroundings import fingerprint, where_from
from lanherd_agent.envs.uv_tool import Outcome, last_words
from lanherd_agent.envs.wheel_folders import with_hashes
from lanherd_protocol.errors import ErrorCode, LanherdError, error

LOCK = "lock"
_ANSWER = "lock.txt"
_PACKAGES = "packages.in"
_BASE = "base.txt"
_CODE = (
    "Packages that have no wheel are asked for what they need, which runs their code."
    " Forbid building from source to prevent that.\n"
)


class Resolver:
    """Shares the line of builds with the builder."""

    def __init__(self, builder: EnvironmentBuilder) -> None:
        self.folder = builder.folder / "locks"
        self._builder = builder
        self._uv = builder.uv
        self._gates = Gates()
        self.resolved = 0
        """Questions that uv was asked since the start."""

    def key(self, question: Question) -> str:
        return question.key(where_from(self._uv.variables, self._uv.index_arguments))

    def place(self, key: str) -> Path:
        return self.folder / key

    def known(self, question: Question) -> bytes | None:
        """The lock that was made before. Blocks."""
        try:
            return (self.place(self.key(question)) / LOCK).read_bytes()
        except FileNotFoundError:
            return None

    def name_of(self, key: str) -> str:
        """What people call a question that somebody waits for; empty for others."""
        return self._gates.name_of(key)

    def waiting(self) -> tuple[str, ...]:
        """The questions that somebody waits for."""
        return self._gates.keys()

    async def lock_of(
        self, question: Question, tell: Tell, *, retry: bool = False, renew: bool = False
    ) -> bytes:
        """Raises LOCK_UNRESOLVABLE, ENVIRONMENT_FAILED, TIMED_OUT and DISK_FULL."""
        known = None if renew else await in_thread(lambda: self.known(question))
        if known is not None:
            return known
        key = self.key(question)
        tell(BuildProgress(key, "waiting"))
        begun = time.time()
        async with self._gates.passing(key, tell, question.name) as gate:
            known = await in_thread(lambda: self.known(question))
            place = self.place(key)
            if known is not None and (not renew or _is_newer(place / LOCK, begun)):
                return known
            seen = await self._surroundings(question)
            if not retry and not renew:
                await in_thread(lambda: failures.check(place, seen))
            async with self._builder.turn(key):
                try:
                    return await self._resolve(_Asking(question, key, place, gate.tell), renew)
                except LanherdError as failed:
                    remembered = failures.Remembered(
                        time.time(),
                        seen,
                        failed.failure,
                        question.name,
                        question.interpreter.version,
                    )
                    await in_thread(lambda: failures.remember(place, remembered))
                    raise

    async def _resolve(self, asking: "_Asking", renew: bool) -> bytes:
        self.resolved += 1
        try:
            await in_thread(asking.prepare)
            async with asyncio.timeout(self._builder.timeout_s):
                lock = await self._ask_uv(asking, renew)
            await in_thread(lambda: write_durably(asking.place / LOCK, lock))
        except TimeoutError:
            words = last_words(asking.log, 0)
            raise build_took_too_long(asking.key, self._builder.timeout_s, words) from None
        except OSError as refused:
            raise disk_refused(asking.key, refused) from refused
        finally:
            await in_thread(asking.tidy)
        return lock

    async def _ask_uv(self, asking: "_Asking", renew: bool) -> bytes:
        loose: tuple[Entry, ...] = ()
        lines = asking.question.source.index_lines
        given = self._uv.variables.get("UV_FIND_LINKS", "").split(",")
        folders = (*(one for one in given if one), *requirements.wheel_folders(lines))
        # A folder of wheels may have been read without its hashes; what is fresh has them.
        for how in (["--refresh", "--upgrade"],) if renew else (["--offline"], [], ["--refresh"]):
            done = await self._compile(asking, how)
            if done.code == 0:
                text = await in_thread(asking.answer.read_text)
                found = await in_thread(partial(_hashed, requirements.entries(text), folders))
                entries = asking.checked(found)
                loose = tuple(one for one in entries if not one.is_fixed)
                if not loose:
                    return requirements.rendered(lines, entries)
            elif is_final(done.words) or how != ["--offline"]:
                break
        without_wheels = needs_source(done.words)
        if done.code != 0 and without_wheels:
            raise source_forbidden(asking.key, asking.question.name, without_wheels)
        if done.code != 0:
            raise build_failed(asking.key, asking.question.name, done.words)
        raise _no_hash(asking, loose[0].name)

    async def _compile(self, asking: "_Asking", how: Sequence[str]) -> Outcome:
        def heard(line: str) -> None:
            asking.tell(BuildProgress(asking.key, "resolving", line))

        heard("")
        await in_thread(lambda: asking.answer.unlink(missing_ok=True))
        return await self._uv.run(
            [*asking.arguments(), *how, *self._uv.index_arguments],
            folder=asking.begin,
            log=asking.log,
            on_line=heard,
        )

    async def _surroundings(self, question: Question) -> str:
        version = await self._uv.version()
        return await in_thread(
            lambda: fingerprint(
                self._uv.variables,
                *self._uv.index_arguments,
                version,
                question.interpreter.path,
                folders=requirements.wheel_folders(question.source.index_lines),
            )
        )


class _Asking:
    """One question being asked: where that happens, and what uv is given. Its methods block."""

    def __init__(self, question: Question, key: str, place: Path, tell: Tell) -> None:
        self.question, self.key, self.place, self.tell = question, key, place, tell
        self.log = place / BUILD_LOG
        self._work = place / "work"
        self.answer = self._work / _ANSWER
        main = question.source.files[0][0] if question.source.files else ""
        self._main = os.path.basename(main) if question.source.has_requirements else ""
        # Where uv takes its settings from: the project's own, or none at all.
        self._tree = self._work / "tree"
        self.begin = self._tree / os.path.dirname(main)

    def prepare(self) -> None:
        self.tidy()
        failures.forget(self.place)
        self.begin.mkdir(parents=True)
        self.log.write_text("" if self.question.spec.wheels_only else _CODE)
        for path, content in self.question.source.files:
            target = self._tree / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        if not (self.begin / PYPROJECT).exists():
            (self.begin / PYPROJECT).write_text(GUARD)
        spec = self.question.spec
        (self._work / _PACKAGES).write_text("".join(f"{one}\n" for one in spec.packages))
        (self._work / _BASE).write_bytes(self.question.base_lock)

    def tidy(self) -> None:
        if self._work.exists():
            shutil.rmtree(self._work)

    def arguments(self) -> list[str]:
        spec = self.question.spec
        sources = [self._main] if self._main else []
        if spec.packages:
            sources.append(str(self._work / _PACKAGES))
        if self.question.base_lock:
            sources.append(str(self._work / _BASE))
        chosen = []
        if self.question.source.is_project:
            chosen += [f"--extra={one}" for one in spec.extras]
            chosen += [f"--group={one}" for one in spec.groups]
        return [
            "pip", "compile", "--generate-hashes", "--no-header", "--no-annotate",
            "--python", self.question.interpreter.path,
            *(["--no-build"] if spec.wheels_only else []),
            *chosen, "--output-file", str(self.answer), *sources,
        ]  # fmt: skip

    def checked(self, found: Sequence[Entry]) -> tuple[Entry, ...]:
        """What was found, held to the hashes that were asked for."""
        base = requirements.entries(requirements.decoded(self.question.base_lock))
        try:
            return requirements.keep_hashes(found, (*self.question.source.asked(), *base))
        except requirements.OtherHashError as other:
            raise error(
                ErrorCode.LOCK_UNRESOLVABLE,
                f"The index has another {other.name} than the one that is asked for.",
                f"{self.question.name} gives hashes of {other.name}, and none of the files that"
                " were found has one of them.",
                "Check where that package comes from; if its change is meant, renew its hashes.",
                refusal="other_hash",
                package=other.name,
                environment=self.key,
                lock=self.question.name,
            ) from other


def _no_hash(asking: _Asking, package: str) -> LanherdError:
    return error(
        ErrorCode.LOCK_UNRESOLVABLE,
        f"{package} can't be locked.",
        f"What {asking.question.name} says of {package} names neither a package of an index nor a"
        " commit, so nothing holds it to its content.",
        "Name a version of an index, a commit of a repository, or a wheel with its hash.",
        refusal="no_hash",
        package=package,
        environment=asking.key,
        lock=asking.question.name,
    )


def _hashed(found: Sequence[Entry], folders: Sequence[str]) -> list[Entry]:
    return [with_hashes(entry, folders) for entry in found]


def _is_newer(path: Path, than: float) -> bool:
    return path.stat().st_mtime >= than
