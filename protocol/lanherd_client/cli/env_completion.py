"""The environments that the shell offers after TAB, as they were seen lately."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import click
import msgspec
from click.shell_completion import CompletionItem
from msgspec import Struct

from lanherd_client.environment_orders import AUTO, ID_CHARS, NONE
from lanherd_client.files import write_private
from lanherd_client.home import controller_home
from lanherd_protocol.environment_messages import EnvironmentDetails

FILE = "completion-environments.json"
SEEN_MAX = 500


class _Seen(Struct, frozen=True):
    word: str
    about: str = ""
    registered: bool = False


def remember_environments(home: Path, found: Iterable[EnvironmentDetails]) -> None:
    """Keeps names and ids for later completions."""
    seen = tuple(
        dict.fromkeys(
            _Seen(
                one.name or one.view.environment[:ID_CHARS], one.source, one.state == "registered"
            )
            for one in islice(found, SEEN_MAX)
        )
    )
    if seen == _load(home):
        return
    try:
        write_private(home / FILE, msgspec.json.encode(seen))
    except OSError:
        pass  # The command has done its work; the shell will offer a little less.


def complete_environment(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """What a run may name, and so 'auto' and 'none' too."""
    words = [_Seen(AUTO, "as the project has it"), _Seen(NONE, "the machine's own Python")]
    return _offered([*words, *_seen(context)], incomplete)


def complete_known_environment(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Environments of machines."""
    return _offered(_seen(context), incomplete)


def complete_registered(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Registered ones."""
    return _offered([one for one in _seen(context) if one.registered], incomplete)


def _offered(words: Iterable[_Seen], incomplete: str) -> list[CompletionItem]:
    return [
        CompletionItem(one.word, help=one.about) for one in words if one.word.startswith(incomplete)
    ]


def _seen(context: click.Context) -> tuple[_Seen, ...]:
    return _load(controller_home(context.find_root().params.get("home")))


def _load(home: Path) -> tuple[_Seen, ...]:
    try:
        return msgspec.json.decode((home / FILE).read_bytes(), type=tuple[_Seen, ...])
    except (OSError, msgspec.DecodeError):
        return ()
