"""`python -m tests.soak.push_cuts [--cuts N] [--seed S]`: pushes that are cut, and go on.

A project is pushed over TLS through a proxy that cuts the cable after a random number of bytes, up
to three times; the push goes on over the next connection by itself. Each time the tree that the
agent builds of the snapshot is held against the folder, byte by byte; at each cut it is looked
whether the agent shows a snapshot that isn't whole; and it is counted how much of each blob reached
the agent more than once. Exits 0 only if every tree is identical, no half snapshot was seen, and no
blob was doubled by more than one block at each cut.
"""

import argparse
import asyncio
import os
import random
import stat
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

from msgspec import Struct

from lanherd_agent.api.receiving import Receiving
from lanherd_agent.snapshots import store as stores
from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_client.projects.push import push_through
from lanherd_client.projects.push_progress import Caller
from lanherd_protocol import manifest as manifests
from lanherd_protocol import messages as m
from lanherd_protocol.aio.connect import connect_tls
from lanherd_protocol.aio.identity import Identity, load_or_create_identity
from lanherd_protocol.aio.listener import Listener
from lanherd_protocol.aio.peer import Peer
from lanherd_protocol.aio.server import Grant, IncomingCall, IncomingSubscription
from lanherd_protocol.errors import LanherdError
from lanherd_protocol.handshake import local_hello
from lanherd_protocol.ids import BlobHash
from lanherd_protocol.limits import BLOB_BYTES_MAX, MIB
from lanherd_protocol.packs import HASH_BYTES, HEADER_BYTES, PackDecoder
from tests.support.cutting_proxy import HERE, CuttingProxy

CUTS = 200
CUTS_EACH_MAX = 3
USER = "ada"


# --- The agent's side ----------------------------------------------------------------------------


class Counts:
    """How many bytes of each blob have reached the agent, whole or in part."""

    def __init__(self) -> None:
        self.arrived: Counter[BlobHash] = Counter()
        self.lengths: dict[BlobHash, int] = {}
        self._decoders: list[CountedDecoder] = []

    def add(self, decoder: "CountedDecoder") -> None:
        self._decoders.append(decoder)

    def take(self, blob: BlobHash, length: int) -> None:
        self.arrived[blob] += length
        self.lengths[blob] = length

    def doubled(self) -> Counter[BlobHash]:
        """Bytes of each blob that came more than once."""
        arrived = self.arrived.copy()
        for decoder in self._decoders:
            for blob, length in decoder.rest():
                arrived[blob] += length
        return Counter(
            {
                blob: arrived[blob] - length
                for blob, length in self.lengths.items()
                if arrived[blob] > length
            }
        )


class CountedDecoder(PackDecoder):
    """A decoder whose blobs are counted, and the part of one that it was cut in."""

    counts: Counts

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.counts.add(self)

    def feed(self, data: bytes) -> Iterator[tuple[BlobHash, bytes]]:
        for blob, content in super().feed(data):
            self.counts.take(blob, len(content))
            yield blob, content

    def rest(self) -> Iterator[tuple[BlobHash, int]]:
        if len(self._records) > HEADER_BYTES:
            blob = BlobHash(bytes(self._records[:HASH_BYTES]).hex())
            yield blob, len(self._records) - HEADER_BYTES


@contextmanager
def counted() -> Iterator[Counts]:
    """Every pack that is taken in meanwhile is counted."""
    counts = Counts()
    decoder = type("Counted", (CountedDecoder,), {"counts": counts})
    with mock.patch.object(stores, "PackDecoder", decoder):
        yield counts


class Agent:
    """The part of an agent that takes pushes, with real doors."""

    def __init__(self, folder: Path, store: SnapshotStore) -> None:
        self.store = store
        self.receiving = Receiving()
        self.identity = load_or_create_identity(folder / "agent")
        self.listener = Listener(self, local_hello("agent", self.identity.device))

    async def on_call(self, call: IncomingCall) -> Struct:
        match call.request:
            case m.HasSnapshot(snapshot=snapshot):
                return m.SnapshotPresence(present=self.store.find(USER, snapshot) is not None)
            case m.FindMissing(blobs=blobs):
                await self.receiving.settled(call.caller.user)
                return m.MissingBlobs(blobs=await self.store.missing(USER, blobs))
            case m.PutBlobs(count=count):
                with self.receiving.taking(call):
                    return await self.store.put_pack(USER, call.upload, count)
            case m.PutManifest(snapshot=snapshot, base=base):
                return await self.store.put_manifest(USER, snapshot, call.upload, base=base)
            case other:
                raise AssertionError(other)

    async def on_subscribe(self, subscription: IncomingSubscription) -> None:
        raise AssertionError(subscription)

    async def half_snapshots(self) -> list[str]:
        """Snapshots that are shown although something of them is missing."""
        half: list[str] = []
        for snapshot in self.store.of(USER):
            wanted = manifests.hashes(await self.store.manifest(snapshot))
            if await self.store.missing(USER, wanted):
                half.append(snapshot)
        return half


class Cable:
    """A line whose connections go through the proxy."""

    def __init__(self, device: Identity, agent: Agent, proxy: CuttingProxy) -> None:
        self._device = device
        self._agent = agent
        self._proxy = proxy
        self._peer: Peer | None = None
        self.half: list[str] = []
        self.losses = 0

    @property
    def machine(self) -> str:
        return self._agent.identity.device

    async def caller(self, lost: LanherdError | None) -> Caller:
        if lost is not None:
            self.losses += 1
            self.half += await self._agent.half_snapshots()
            await self.close()
        while True:
            try:
                self._peer = await connect_tls(
                    [HERE],
                    self._proxy.port,
                    self._device,
                    self._agent.identity.certificate_pem,
                    self._agent.identity.device,
                    local_hello("controller", self._device.device),
                )
            except LanherdError:
                # It was cut within the handshake.
                self.losses += 1
                if self.losses > 10 * CUTS_EACH_MAX:
                    raise
            else:
                return self._peer

    async def close(self) -> None:
        if self._peer is not None:
            await self._peer.close()


# --- One push ------------------------------------------------------------------------------------


@dataclass(slots=True)
class Outcome:
    """What one push came to. `passed` is what was sent in all, `doubled` what came twice."""

    cuts: int
    passed: int
    doubled: Counter[BlobHash]
    half: list[str]
    differences: list[str]

    @property
    def is_sound(self) -> bool:
        return not self.half and not self.differences and self.worst <= self.allowed

    @property
    def worst(self) -> int:
        return max(self.doubled.values(), default=0)

    @property
    def allowed(self) -> int:
        """One block for each cut: the blob that is on its way then is sent once more."""
        return self.cuts * BLOB_BYTES_MAX


async def push_once(source: Path, cuts: list[int], *, resets: bool) -> Outcome:
    """Pushes the folder to an agent that has nothing yet, through these cuts."""
    with tempfile.TemporaryDirectory(prefix="lh-cuts-") as name, counted() as counts:
        folder = Path(name)
        device = load_or_create_identity(folder / "device")
        store = await SnapshotStore.open(folder / "home")
        agent = Agent(folder, store)
        port = await agent.listener.listen_tls(
            [HERE],
            0,
            agent.identity,
            [device.certificate_pem],
            {device.device: Grant("operator", USER)}.get,
        )
        proxy = CuttingProxy(port, cuts, resets=resets)
        await proxy.open()
        cable = Cable(device, agent, proxy)
        try:
            pushed = await push_through(cable, source, home=folder / "controller")
            half = [*cable.half, *await agent.half_snapshots()]
            await store.materialise(pushed.snapshot, folder / "tree")
        finally:
            await cable.close()
            await proxy.close()
            await agent.listener.close()
            await store.close()
        differences = differing(source, folder / "tree")
        return Outcome(proxy.cuts_done, proxy.passed, counts.doubled(), half, differences)


def differing(one: Path, other: Path) -> list[str]:
    """The paths that aren't the same in both trees: kind, content, right to execute, target."""
    left, right = dict(_entries(one)), dict(_entries(other))
    return sorted(path for path in left.keys() | right.keys() if left.get(path) != right.get(path))


def _entries(root: Path) -> Iterator[tuple[str, object]]:
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder) / name
            status = path.lstat()
            key = str(path.relative_to(root))
            if stat.S_ISLNK(status.st_mode):
                yield key, os.readlink(path)
            elif stat.S_ISDIR(status.st_mode):
                yield key, "folder"
            else:
                yield key, (path.read_bytes(), bool(status.st_mode & stat.S_IXUSR))


def make_source(root: Path, made: random.Random, scale: float = 1.0) -> None:
    """Small files, some of them the same, one that compresses and one that doesn't, an executable,
    a link and an empty folder."""
    words = [bytes(made.choices(range(97, 123), k=made.randint(3, 9))) for _ in range(500)]
    for number in range(round(300 * scale)):
        folder = root / f"pkg{number % 10}" / f"m{number % 3}"
        folder.mkdir(parents=True, exist_ok=True)
        text = b" ".join(made.choices(words, k=made.randint(20, 900)))
        (folder / f"f{number}.py").write_bytes(text if number % 7 else b"the same\n")
    (root / "dense.raw").write_bytes(made.randbytes(round(4.3 * scale * MIB)))
    (root / "text.csv").write_bytes(b",".join(made.choices(words, k=round(500_000 * scale))))
    (root / "run.sh").write_bytes(b"#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("run.sh")
    (root / "empty").mkdir()


# --- Many ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Campaign:
    """What all pushes came to."""

    pushes: int = 0
    cuts: int = 0
    doubled_bytes: int = 0
    doubled_worst: int = 0
    """Of one blob, in bytes for each cut."""
    passed: int = 0
    unsound: list[str] = field(default_factory=list)

    def take(self, told: str, outcome: Outcome) -> None:
        self.pushes += 1
        self.cuts += outcome.cuts
        self.passed += outcome.passed
        self.doubled_bytes += sum(outcome.doubled.values())
        self.doubled_worst = max(self.doubled_worst, outcome.worst // max(outcome.cuts, 1))
        if not outcome.is_sound:
            self.unsound.append(
                f"{told}: half {outcome.half}, different {outcome.differences[:5]}, doubled"
                f" {outcome.worst} bytes of one blob in {outcome.cuts} cuts"
            )


async def run_campaign(folder: Path, cuts: int, seed: int, scale: float = 1.0) -> Campaign:
    """Pushes until so many cuts were made."""
    made = random.Random(seed)
    source = folder / "source"
    make_source(source, made, scale)
    whole = await push_once(source, [], resets=False)
    campaign = Campaign()
    campaign.take("uncut", whole)
    while campaign.cuts < cuts:
        count = made.randint(1, CUTS_EACH_MAX)
        points = [made.randint(1, whole.passed - 1) for _ in range(count)]
        resets = made.random() < 0.3
        told = f"seed {seed}, cuts after {points} bytes{', reset' if resets else ''}"
        campaign.take(told, await push_once(source, points, resets=resets))
    return campaign


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.push_cuts", description=__doc__)
    parser.add_argument("--cuts", type=int, default=CUTS, metavar="N")
    parser.add_argument("--seed", type=int, default=None, metavar="S", help="default: another one")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else time.time_ns() % 1_000_000
    print(f"{arguments.cuts} cuts, seed {seed}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="lh-cuts-") as name:
        campaign = asyncio.run(run_campaign(Path(name), arguments.cuts, seed))
    print(
        f"{campaign.pushes} pushes, {campaign.cuts} cuts, {campaign.passed / MIB:.1f} MiB passed;"
        f" came twice: {campaign.doubled_bytes / MIB:.2f} MiB in all, of one blob at most"
        f" {campaign.doubled_worst} bytes at each cut"
    )
    for told in campaign.unsound:
        print(f"NOT SOUND: {told}")
    return 1 if campaign.unsound else 0


if __name__ == "__main__":
    sys.exit(main())
