"""Tags and notes as a person writes them, and what is wrong with them."""

from typing import Literal

from lanherd_protocol.limits import NOTES_CHARS_MAX, TAG_CHARS_MAX, TAGS_PER_RUN_MAX

_FULL_WIDTH_COMMA = "\uff0c"
SettingsProblem = Literal["tags_many", "tag_long", "notes_long"]


def split_tags(line: str) -> tuple[str, ...]:
    """'sweep, lr 3e-4' as tags: each once, in the order that they were written."""
    named = (" ".join(part.split()) for part in line.replace(_FULL_WIDTH_COMMA, ",").split(","))
    return tuple(dict.fromkeys(tag for tag in named if tag))


def tags_line(tags: tuple[str, ...]) -> str:
    return ", ".join(tags)


def tags_problem(tags: tuple[str, ...]) -> SettingsProblem | None:
    if len(tags) > TAGS_PER_RUN_MAX:
        return "tags_many"
    if any(len(tag) > TAG_CHARS_MAX for tag in tags):
        return "tag_long"
    return None


def notes_problem(notes: str) -> SettingsProblem | None:
    return "notes_long" if len(notes) > NOTES_CHARS_MAX else None
