"""Ids of the things that both sides talk about.

All ids are strings, so that they read the same on the wire, in JSON, in a path and in a log.
Runs and commands carry UUIDv7 (RFC 9562): made by the client, unique without asking anyone, and
ordered by the time at which they were made. Devices, blobs and snapshots are named by what they
are: the SHA-256 of their public key or their bytes.
"""

import re
from typing import NewType

RunId = NewType("RunId", str)
"""A run, a UUIDv7 made by the client that submits it."""

CommandId = NewType("CommandId", str)
"""One change asked of an agent, a UUIDv7; the same id is the same change, however often sent."""

DeviceId = NewType("DeviceId", str)
"""An agent or a controller: SHA-256 of its public key's SPKI, 64 hexadecimal digits."""

BlobHash = NewType("BlobHash", str)
"""SHA-256 of a blob's bytes, 64 hexadecimal digits."""

SnapshotId = NewType("SnapshotId", str)
"""SHA-256 of a manifest's canonical encoding, 64 hexadecimal digits."""

EnvironmentId = NewType("EnvironmentId", str)
"""Hash of lock, interpreter and platform, 64 hexadecimal digits."""

GpuUuid = NewType("GpuUuid", str)
"""A GPU's own UUID as NVML gives it, such as `GPU-8f6c…`."""

_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_SHA256 = re.compile(r"[0-9a-f]{64}")

RANDOM_BYTES_PER_ID = 10


def uuid7(unix_ms: int, random: bytes) -> str:
    """A UUIDv7 from a Unix time in milliseconds and `RANDOM_BYTES_PER_ID` random bytes.

    Raises ValueError when the time needs more than 48 bits or the bytes are too few.
    """
    if not 0 <= unix_ms < 1 << 48:
        raise ValueError("a UUIDv7 holds a Unix time of 48 bits in milliseconds")
    if len(random) != RANDOM_BYTES_PER_ID:
        raise ValueError(f"a UUIDv7 takes {RANDOM_BYTES_PER_ID} random bytes")
    noise = int.from_bytes(random, "big")
    value = unix_ms << 80 | 0x7 << 76 | (noise >> 68) << 64 | 0b10 << 62 | noise & ((1 << 62) - 1)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_uuid7(text: str) -> bool:
    """Whether the text is a UUIDv7 in its canonical, lower-case form."""
    return _UUID7.fullmatch(text) is not None


def is_sha256(text: str) -> bool:
    """Whether the text is a SHA-256 in lower-case hexadecimal digits."""
    return _SHA256.fullmatch(text) is not None


def short_id(identifier: str) -> str:
    """The few characters by which people tell ids apart.

    A UUIDv7 begins with its time, so its end is what differs; a hash differs from its start.
    """
    return identifier[-8:] if "-" in identifier else identifier[:12]
