"""`lanherd-agent`: serve, status, probe."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from lanherd_agent.home import agent_home
from lanherd_protocol.errors import ErrorCode, LanherdError, error
from lanherd_protocol.version import __version__

EXIT_FAILED = 1
EXIT_UNREACHABLE = 3
EXIT_INTERRUPTED = 130
_UNREACHABLE = (ErrorCode.UNREACHABLE, ErrorCode.TIMED_OUT, ErrorCode.CONNECTION_LOST)
GPUS_SIMULATED_MAX = 64
NAME_CHARS_MAX = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 ok, 1 failed, 2 usage, 3 no agent answers, 130 interrupted."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.do is _serve and options.gpu_script is not None and not options.simulate_gpus:
        parser.error("--gpu-script is for simulated GPUs: write --simulate-gpus N too")
    logging.basicConfig(
        level=getattr(logging, options.log_level.upper()),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    # Files of runs, blobs and keys are the user's own, whatever the umask of who starts us.
    os.umask(0o077)
    try:
        asyncio.run(options.do(options))
    except LanherdError as problem:
        print(f"lanherd-agent: {problem}", file=sys.stderr)
        asked = options.do is _status
        return EXIT_UNREACHABLE if asked and problem.code in _UNREACHABLE else EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lanherd-agent", description="The agent of one GPU machine."
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), default="warning"
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    serve = verbs.add_parser("serve", help="be an agent until SIGTERM")
    serve.add_argument("--home", type=Path, help="directory of all of this agent's state")
    serve.add_argument("--name", type=_name, default="", help="what people call this machine")
    serve.add_argument("--port", type=_port, default=None, help="TCP port; another if it is taken")
    serve.add_argument("--listen", action="append", metavar="ADDRESS", help="default: 127.0.0.1")
    serve.add_argument(
        "--simulate-gpus", type=_gpus, default=0, metavar="N", help="simulated GPUs, labelled so"
    )
    serve.add_argument("--gpu-script", type=Path, help="JSON of what simulated GPUs are")
    serve.set_defaults(do=_serve)
    status = verbs.add_parser("status", help="what the agent of a home does")
    status.add_argument("--home", type=Path)
    status.add_argument("--json", action="store_true")
    status.set_defaults(do=_status)
    probe = verbs.add_parser("probe", help="the GPUs that this machine's driver shows")
    probe.add_argument("--json", action="store_true")
    probe.set_defaults(do=_probe)
    return parser


def _port(text: str) -> int:
    return _number(text, 0xFFFF, "a TCP port")


def _gpus(text: str) -> int:
    return _number(text, GPUS_SIMULATED_MAX, "a number of GPUs")


def _number(text: str, most: int, what: str) -> int:
    if not text.isdecimal() or int(text) > most:
        raise argparse.ArgumentTypeError(f"{text!r} is not {what}: give 0 to {most}")
    return int(text)


def _name(text: str) -> str:
    if len(text) > NAME_CHARS_MAX or not text.isprintable():
        raise argparse.ArgumentTypeError(
            f"a machine's name is one line of at most {NAME_CHARS_MAX} characters"
        )
    return text


async def _serve(options: argparse.Namespace) -> None:
    from lanherd_agent.app import PORT, ServeOptions, serve  # costs 100 ms that others don't need

    await serve(
        ServeOptions(
            home=agent_home(options.home),
            name=options.name,
            listen=tuple(options.listen or ("127.0.0.1",)),
            port=PORT if options.port is None else options.port,
            simulate_gpus=options.simulate_gpus,
            gpu_script=options.gpu_script,
        )
    )


async def _status(options: argparse.Namespace) -> None:
    from lanherd_protocol.aio.connect import connect_unix
    from lanherd_protocol.handshake import local_hello
    from lanherd_protocol.messages import Empty
    from lanherd_protocol.methods import AGENT_STATUS

    home = agent_home(options.home)
    try:
        peer = await connect_unix(home.socket, local_hello("lanherd-agent status"))
    except LanherdError as problem:
        if problem.code is not ErrorCode.UNREACHABLE:
            raise
        raise error(
            ErrorCode.UNREACHABLE,
            "No agent answers in this home.",
            f"Nothing listens on its socket {home.socket}.",
            f"Start it: lanherd-agent serve --home {home.root}. An agent of another home is asked "
            "with --home.",
        ) from problem
    try:
        status = await peer.call(AGENT_STATUS, Empty())
    finally:
        await peer.close()
    if options.json:
        _print_json(status)
    else:
        print(
            f"{status.name}: version {status.version}, process {status.pid}, "
            f"{', '.join(status.addresses)} port {status.port}, "
            f"{status.live_runs} runs live, {status.queued_runs} waiting"
        )
        for wrong in status.problems:
            print(f"{wrong.text} {wrong.remedy}".rstrip())


async def _probe(options: argparse.Namespace) -> None:
    from lanherd_agent.gpu.choose import open_probe

    probe = open_probe(simulate=0, holds=tuple)
    try:
        facts = await probe.facts()
    finally:
        await probe.close()
    if options.json:
        _print_json(facts)
        return
    for gpu in facts.gpus:
        print(f"GPU {gpu.index}: {gpu.name}, {gpu.vram_bytes / 2**30:.1f} GB, {gpu.uuid}")
        for inside in gpu.instances:
            size = f"{inside.vram_bytes / 2**30:.1f} GB"
            print(f"GPU {gpu.index}:{inside.index}: {inside.profile}, {size}, {inside.uuid}")
    if not facts.gpus:
        print(facts.problem or "No NVIDIA GPU.")


def _print_json(value: Any) -> None:
    print(msgspec.json.encode(value).decode())


if __name__ == "__main__":
    sys.exit(main())
