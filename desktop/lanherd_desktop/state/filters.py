"""The filter line above lists: words, and `key:value` terms.

    train state:running,waiting machine:kepler
    free:>20GB

Words match anywhere in the text, all of them, whatever their case. A key that isn't known is a
word like any other, so that typing never ends in an error.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lanherd_client.sizes import parse_size

Match = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed filter line: words in lower case, and for each key its accepted values."""

    words: tuple[str, ...]
    terms: Mapping[str, tuple[str, ...]]

    @property
    def empty(self) -> bool:
        return not self.words and not self.terms

    def accepts(self, text: str, fields: Mapping[str, str]) -> bool:
        """Whether the text holds every word and each term a part of its field's value."""
        folded = text.casefold()
        if not all(word in folded for word in self.words):
            return False
        return all(
            any(value in fields.get(key, "").casefold() for value in values)
            for key, values in self.terms.items()
        )


def parse_query(line: str, keys: frozenset[str]) -> Query:
    """Read a filter line; `keys` are those that make a term."""
    words: list[str] = []
    terms: dict[str, tuple[str, ...]] = {}
    for part in line.casefold().split():
        key, colon, value = part.partition(":")
        values = tuple(v for v in value.split(",") if v)
        if not colon or key not in keys:
            words.append(part)
        elif values:  # else it is still being typed
            terms[key] = terms.get(key, ()) + values
    return Query(tuple(words), terms)


def bytes_above(term: str) -> int | None:
    """The bytes of a term such as `>20GB` or `20GB`; None when it isn't a size."""
    try:
        return parse_size(term.lstrip(">="))
    except ValueError:
        return None
