"""Texts with placeholders: `--lr={lr}`; `{{` and `}}` are braces.

What is filled in is never read again, neither by a shell nor for further placeholders, so that any
text may be a value.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Stands for the value of the column `name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Template:
    """A text with placeholders, taken apart."""

    parts: tuple[str | Placeholder, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What it needs, each once, in order."""
        return tuple(
            dict.fromkeys(part.name for part in self.parts if isinstance(part, Placeholder))
        )

    def fill(self, value_of: Callable[[str], str]) -> str:
        """The text with each placeholder's value in its place."""
        return "".join(
            value_of(part.name) if isinstance(part, Placeholder) else part for part in self.parts
        )


def parse_template(text: str) -> Template:
    """Takes a text apart. Raises ValueError with a sentence for people."""
    parts: list[str | Placeholder] = []
    for found in _PART.finditer(text):
        whole, name = found.group(), found.group(1)
        if whole in ("{{", "}}"):
            parts.append(whole[0])
        elif whole in ("{", "}"):
            raise ValueError(
                f"the brace {whole!r} in {text!r} has no other half. Write {whole * 2!r} for the"
                " brace itself."
            )
        elif name is None:
            parts.append(whole)
        elif not name.strip():
            raise ValueError(
                f"{text!r} has a placeholder without a name. Write the name of a column into it,"
                " or '{{}}' for the braces themselves."
            )
        else:
            parts.append(Placeholder(name.strip()))
    return Template(_joined(parts))


def escape(text: str) -> str:
    """The template that is this very text."""
    return text.replace("{", "{{").replace("}", "}}")


def _joined(parts: Sequence[str | Placeholder]) -> tuple[str | Placeholder, ...]:
    joined: list[str | Placeholder] = []
    for part in parts:
        if joined and isinstance(part, str) and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    return tuple(joined)
