"""Environments for tests: a builder without any index, and questions to what it has built."""

import asyncio
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from lanherd_agent.envs.builder import BuildSettings, BuiltEnvironment, EnvironmentBuilder
from lanherd_agent.envs.environments import Environments
from lanherd_protocol.ids import BlobHash, SnapshotId
from lanherd_protocol.values import LockedEnvironment, SourceEnvironment


def variables(wheels: Path | None = None, /, **more: str) -> dict[str, str]:
    """The environment of an agent that has a folder of wheels, or else no index at all."""
    given = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    if wheels is not None:
        given |= {"UV_NO_INDEX": "1", "UV_FIND_LINKS": str(wheels)}
    return given | more


class SnapshotsOfTest:
    """What reading a lock needs of a snapshot store, and no more."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, files: Mapping[str, bytes]) -> SnapshotId:
        snapshot = SnapshotId(hash_of(repr(sorted(files.items())).encode()))
        for path, content in files.items():
            place = self._folder / snapshot / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        return snapshot

    async def read_file(self, snapshot: SnapshotId, path: str, *, bytes_max: int) -> bytes:
        place = self._folder / snapshot / path
        return (await asyncio.to_thread(place.read_bytes))[:bytes_max]


class EnvironmentsOfTest:
    """All that an agent has of environments, without the agent."""

    def __init__(self, snapshots: SnapshotsOfTest, builder: EnvironmentBuilder) -> None:
        self.snapshots = snapshots
        self.builder = builder
        self.all = Environments(builder, snapshots)

    async def from_files(self, path: str, files: Mapping[str, str]) -> BuiltEnvironment:
        """The environment of a file without a lock."""
        snapshot, spec = self.source(path, files)
        return await self.provide(spec, snapshot)

    def source(self, path: str, files: Mapping[str, str]) -> tuple[SnapshotId, SourceEnvironment]:
        content = {name: text.encode() for name, text in files.items()}
        snapshot = self.snapshots.put(content)
        return snapshot, SourceEnvironment(source_path=path, source_hash=hash_of(content[path]))

    async def provide(
        self,
        spec: LockedEnvironment | SourceEnvironment,
        snapshot: SnapshotId | None = None,
        *,
        retry: bool = False,
        renew: bool = False,
    ) -> BuiltEnvironment:
        built = await self.all.provide(spec, snapshot, retry=retry, renew=renew)
        assert built is not None
        return built

    async def lock(self, built: BuiltEnvironment) -> str:
        return (await self.all.frozen(built.environment)).decode()


async def environments(
    home: Path, given: Mapping[str, str], *, timeout_s: float = 60.0
) -> EnvironmentsOfTest:
    settings = BuildSettings(timeout_s=timeout_s, variables=given)
    builder = await EnvironmentBuilder.open(home, settings)
    return EnvironmentsOfTest(SnapshotsOfTest(home.with_name("pushed")), builder)


def hash_of(content: bytes) -> BlobHash:
    return BlobHash(hashlib.sha256(content).hexdigest())


async def said_by(built: BuiltEnvironment, code: str) -> str:
    """What its Python prints."""
    process = await asyncio.create_subprocess_exec(
        "python",
        "-c",
        code,
        env=built.activate({}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return output.decode().strip()


async def words_of(built: BuiltEnvironment, *modules: str) -> list[str]:
    """The words of modules made by `make_wheel`; `-` for one that isn't there."""
    code = (
        "import importlib.util as u, importlib as i\n"
        f"for n in {modules!r}: print(i.import_module(n).word if u.find_spec(n) else '-')"
    )
    return (await said_by(built, code)).split()
