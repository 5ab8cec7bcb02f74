"""A quick answer to whether any rule of a file could be about a path.

Most rules are plain (`build/`, `*.log`, `/data`), most paths are none of theirs, and a look into
some sets says so 20 times faster than the rules' library, which tries one regular expression after
the other. It may say yes too often and never no too often: behind a yes the library is asked.
"""

from collections.abc import Iterable
from dataclasses import dataclass

_KINDS = ("names", "ends", "beginnings", "anchored", "rest")
_WILDCARDS = frozenset("*?[\\")


@dataclass(frozen=True, slots=True)
class RuleFilter:
    """The plain rules of a file: names, ends and beginnings of names, beginnings of paths. `rest`
    are the lines of the others, which the library has to look at."""

    names: frozenset[str]
    ends: tuple[str, ...]
    beginnings: tuple[str, ...]
    anchored: tuple[str, ...]
    rest: tuple[str, ...]

    @classmethod
    def of(cls, lines: Iterable[str]) -> "RuleFilter":
        """That of a file with these lines."""
        found: dict[str, list[str]] = {kind: [] for kind in _KINDS}
        for line in lines:
            text = line.rstrip()
            if text and not text.startswith("#") and text != "/":
                kind, part = _kind_of(text)
                # As it was written: a space at its end may be meant.
                found[kind].append(line if kind == "rest" else part)
        return cls(
            frozenset(found["names"]),
            tuple(found["ends"]),
            tuple(found["beginnings"]),
            tuple(found["anchored"]),
            tuple(found["rest"]),
        )

    def may_match(self, path: str) -> bool:
        """Whether a plain rule could be about the path, or about a folder above it. A folder's path
        may end in a slash."""
        if path.startswith(self.anchored):
            return True
        for name in path.split("/"):
            if name in self.names or name.endswith(self.ends) or name.startswith(self.beginnings):
                return True
        return False


def _kind_of(text: str) -> tuple[str, str]:
    """The kind of a rule, and what is to be looked for."""
    body = text.removeprefix("!").removesuffix("/")
    inner = "/" in body
    plain = body.strip("*") if not inner and body.count("*") == 1 else body
    if not plain.strip("/") or "//" in body or not _WILDCARDS.isdisjoint(plain):
        return "rest", body
    if plain != body:
        return ("ends", plain) if body.startswith("*") else ("beginnings", plain)
    if inner:
        return "anchored", body.removeprefix("/")
    return "names", body
