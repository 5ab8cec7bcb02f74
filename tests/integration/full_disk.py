"""Run in a mount namespace of its own: a home on a file system of a few megabytes.

Prints what happened as JSON. Arguments: the folder to mount on.
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from lanherd_agent.snapshots.store import SnapshotStore
from lanherd_protocol.errors import LanherdError
from tests.unit.snapshots.samples import chunks, named, pack, put_snapshot


async def fill(home: Path) -> dict[str, object]:
    store = await SnapshotStore.open(home)
    content = os.urandom(1_000_000)
    snapshot = await put_snapshot(store, {"a": content, "b": content, "c/d": content})
    story: dict[str, object] = {}
    for attempt in range(10):
        try:
            await store.materialise(snapshot, home / f"tree{attempt}")
        except LanherdError as failed:
            story["tree"] = failed.code
            break
    blobs = [os.urandom(1_000_000) for _ in range(10)]
    try:
        await store.put_pack("ada", chunks(pack(blobs)), len(blobs))
    except LanherdError as failed:
        story["pack"] = failed.code
    (home / "tree0" / "a").unlink()
    story["left"] = sorted(name for name in os.listdir(home) if name.startswith("."))
    story["incoming"] = os.listdir(home / "blobs" / "incoming")
    story["kept"] = len(blobs) - len(await store.missing("ada", [named(data) for data in blobs]))
    story["readable"] = await store.read_file(snapshot, "a", bytes_max=2_000_000) == content
    return story


def main() -> None:
    folder = sys.argv[1]
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=9M", "tmpfs", folder], check=True)
    print(json.dumps(asyncio.run(fill(Path(folder)))))


if __name__ == "__main__":
    main()
