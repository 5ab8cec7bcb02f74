"""What else than its lock decides how a build ends: indexes, uv's own settings, wheel folders."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from lanherd_agent.envs.requirements import without_credentials

SETTINGS_BYTES_MAX = 1024 * 1024
_WHERE = (
    "UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS",
    "UV_INDEX_STRATEGY",
)  # fmt: skip
_NOT_OURS = ("UV_CACHE_DIR", "LANHERD_ENVIRONMENT_BUILD")


def where_from(variables: Mapping[str, str], index_arguments: tuple[str, ...]) -> str:
    """Where packages come from, without the credentials, which may change."""
    said = [f"{name}={without_credentials(variables.get(name, ''))}" for name in _WHERE]
    return "\0".join((*said, *index_arguments))


def fingerprint(variables: Mapping[str, str], *more: str, folders: Iterable[str] = ()) -> str:
    """Another text as soon as something has changed that may let a build end otherwise. Blocks.

    A folder of wheels counts by its time, which changes as wheels come and go.
    """
    parts = [*more]
    parts += sorted(f"{name}={text}" for name, text in variables.items() if name not in _NOT_OURS)
    parts += [_content(path) for path in _settings_files(variables)]
    given = variables.get("UV_FIND_LINKS", "").split(",")
    parts += [_stamp(place) for place in (*given, *folders) if place]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _settings_files(variables: Mapping[str, str]) -> list[Path]:
    home = Path(variables.get("HOME", "/nonexistent"))
    chosen = variables.get("UV_CONFIG_FILE")
    config = Path(variables.get("XDG_CONFIG_HOME") or home / ".config")
    files = [Path(chosen)] if chosen else [config / "uv" / "uv.toml", Path("/etc/uv/uv.toml")]
    return [*files, Path(variables.get("NETRC") or home / ".netrc")]


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.sha256(file.read(SETTINGS_BYTES_MAX)).hexdigest()
    except OSError as refused:
        return f"{path.name}: {refused.errno}"


def _stamp(place: str) -> str:
    try:
        return f"{place} {os.stat(place.removeprefix('file://')).st_mtime_ns}"
    except OSError as refused:
        return f"{place} {refused.errno}"
