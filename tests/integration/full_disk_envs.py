"""Run in a mount namespace of its own: environments on a file system of a few megabytes.

Prints what happened as JSON. Arguments: a folder to work in.
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from lanherd_protocol.errors import LanherdError
from lanherd_protocol.values import SourceEnvironment
from tests.integration.wheels import make_wheel
from tests.support.environments import environments, variables, words_of


async def fill(folder: Path) -> dict[str, object]:
    home, wheels = folder / "home", folder / "wheels"
    make_wheel(wheels, "tiny")
    make_wheel(wheels, "big", filler=os.urandom(3_000_000))
    made = await environments(home, variables(wheels))
    story: dict[str, object] = {}
    small = await made.provide(SourceEnvironment(packages=("tiny",)))
    story["first"] = (await words_of(small, "tiny"))[0]
    filler = home / "filler"
    free = os.statvfs(home)
    filler.write_bytes(b"\1" * max(0, free.f_bavail * free.f_bsize - 2_000_000))
    spec = SourceEnvironment(packages=("big",))
    try:
        await made.provide(spec)
    except LanherdError as failed:
        story["code"] = failed.code
        story["title"] = failed.failure.title
    story["left"] = [str(one) for one in (home / "envs").glob("*/venv") if one != small.path]
    story["list"] = len(await made.builder.list())
    filler.unlink()
    built = await made.provide(spec, retry=True)
    story["after"] = (await words_of(built, "big"))[0]
    return story


def main() -> None:
    folder = Path(sys.argv[1])
    home = folder / "home"
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40M", "tmpfs", str(home)], check=True)
    print(json.dumps(asyncio.run(fill(folder))))


if __name__ == "__main__":
    main()
