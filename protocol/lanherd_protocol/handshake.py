"""Hellos: who speaks, and in which version of the protocol."""

from typing import Literal

from lanherd_protocol import messages as m
from lanherd_protocol.errors import ErrorCode, error
from lanherd_protocol.ids import DeviceId
from lanherd_protocol.version import __version__

Side = Literal["client", "server"]

NO_DEVICE = DeviceId("")

_WORDS: dict[Side, tuple[str, str]] = {
    "client": ("controller", "agent"),
    "server": ("agent", "controller"),
}


def local_hello(
    name: str = "", device: DeviceId = NO_DEVICE, features: tuple[str, ...] = ()
) -> m.Hello:
    """The hello of this version. `name` and `device` say who speaks, as far as it wants to."""
    return m.Hello(m.PROTOCOL_MIN, m.PROTOCOL_MAX, __version__, features, device, name)


def negotiate(side: Side, ours: m.Hello, theirs: m.Hello) -> int:
    """The newest protocol that both speak; `side` is ours.

    Raises VERSION_MISMATCH, which names the side to upgrade, or PROTOCOL_ERROR for a range that
    makes no sense.
    """
    if not 0 < theirs.protocol_min <= theirs.protocol_max:
        raise error(
            ErrorCode.PROTOCOL_ERROR,
            "The other side broke the protocol.",
            f"Its hello names protocols {theirs.protocol_min} to {theirs.protocol_max}.",
        )
    agreed = min(ours.protocol_max, theirs.protocol_max)
    if agreed >= max(ours.protocol_min, theirs.protocol_min):
        return agreed
    our_word, their_word = _WORDS[side]
    older = their_word if theirs.protocol_max < ours.protocol_min else our_word
    raise error(
        ErrorCode.VERSION_MISMATCH,
        "This controller and this agent speak different protocols.",
        f"The {our_word} {_describe(ours)}, the {their_word} {_describe(theirs)}.",
        f"Upgrade Lanherd on the {older}'s machine.",
        upgrade=older,
        our_version=ours.version,
        their_version=theirs.version,
    )


def _describe(hello: m.Hello) -> str:
    name = f"{hello.name!r} " if hello.name else ""
    return (
        f"{name}has version {hello.version} with protocols "
        f"{hello.protocol_min} to {hello.protocol_max}"
    )
