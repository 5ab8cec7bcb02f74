"""Change single rules in a rules file, and keep what its owner wrote around them.

Apart from `rules_check`, since only controllers edit: an agent needs no second TOML library.
"""

import re
import tomllib
from collections.abc import Mapping, MutableMapping
from difflib import SequenceMatcher
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Array, InlineTable

from lanherd_protocol.rules_lines import KeyPath, RulesEditError, head_end, key_path

RuleValue = bool | int | float | str | list[int | str] | list[str] | None
"""The value of a rule; None takes it out of the file, so that the default holds."""
_LISTS = ("gpus", "hours")
_PART = re.compile(
    r"""(?P<comment>\#[^\n]*)|(?P<comma>,)|[\[\]\s]
    |(?P<item>\"(?:\\.|[^"\\\n])*\"|'[^'\n]*'|[^\[\]\s,\#"']+)""",
    re.VERBOSE,
)
"""What a list of a rules file is made of."""


def apply_edit(text: str, changes: Mapping[str, RuleValue]) -> str:
    """The text with these rules changed, by dotted key (`users.ada.gpus_max`). Comments, order and
    whatever else is there stay.

    Raises RulesEditError for a text that is no TOML, and for a key that can't be there.
    """
    try:
        document = tomlkit.parse(_with_new(text, changes))
        for dotted, value in changes.items():
            path = key_path(dotted)
            if value is None:
                _remove(document, path)
            else:
                _put(document, path, value)
        edited = tomlkit.dumps(document)
    except (TOMLKitError, tomllib.TOMLDecodeError) as problem:
        raise RulesEditError(
            f"The rules can't be changed as they are: {problem}.",
            refusal="rules_unchangeable",
            problem=str(problem),
        ) from problem
    for dotted, value in changes.items():
        # Out-of-order tables are where an editing library may go wrong: better said than sent.
        if value_at(edited, dotted) != value:
            raise RulesEditError(
                f"{dotted} can't be changed where it is. Change it by hand.",
                refusal="rule_out_of_reach",
                key=dotted,
            )
    return edited


def _with_new(text: str, changes: Mapping[str, RuleValue]) -> str:
    """The text with rules that it doesn't have yet behind those that it has; the library would put
    them below the comment of the first table."""
    end = head_end(text)
    known = tomllib.loads(text)
    lines = "".join(
        f"{name} = {tomlkit.item(value).as_string()}\n"
        for name, value in changes.items()
        if len(key_path(name)) == 1 and value is not None and key_path(name)[0] not in known
    )
    if not end or not lines:
        return text
    gap = "" if text[:end].endswith("\n") else "\n"
    return text[:end] + gap + lines + text[end:]


def value_said(dotted: str, said: str) -> RuleValue:
    """The value that somebody means who types it behind a key: TOML, or plain text.

    'none' takes the rule away; a list may come without brackets.
    """
    if said.strip() == "none":
        return None
    names = key_path(dotted)
    if len(names) == 1 and names[0] in _LISTS and not said.lstrip().startswith("["):
        return _list_said(names[0], said)
    return _toml_value(said, said)


def value_at(text: str, dotted: str) -> Any:
    """What a rules file says under a key; None if nothing. Raises ValueError for no TOML."""
    inner: Any = tomllib.loads(text)
    for name in key_path(dotted):
        if not isinstance(inner, dict) or name not in inner:
            return None
        inner = inner[name]
    return inner


def _list_said(name: str, said: str) -> RuleValue:
    if name == "hours":
        # A comma may stand between days too, so it parts no spans.
        return [_unquoted(said)]
    items = _toml_value(f"[{said}]", None)
    return items if isinstance(items, list) else [part.strip() for part in said.split(",")]


def _unquoted(said: str) -> str:
    value = _toml_value(said, said)
    return value if isinstance(value, str) else said


def _toml_value(text: str, otherwise: RuleValue) -> RuleValue:
    try:
        value = tomllib.loads(f"value = {text}\n")
    except ValueError:
        return otherwise
    found = value["value"] if len(value) == 1 else otherwise
    return found if isinstance(found, bool | int | float | str | list) else otherwise


def _put(document: MutableMapping[str, Any], path: KeyPath, value: RuleValue) -> None:
    table = document
    for depth, name in enumerate(path[:-1]):
        if name not in table:
            # [users] itself says nothing: only the table of a name gets a header.
            above = depth < len(path) - 2
            inline = isinstance(table, InlineTable)
            table[name] = tomlkit.inline_table() if inline else tomlkit.table(is_super_table=above)
        inner = table[name]
        if not isinstance(inner, MutableMapping):
            raise RulesEditError(
                f"{name} is no table in this file.", refusal="rule_no_table", key=name
            )
        table = inner
    known = table.get(path[-1])
    if isinstance(known, Array) and isinstance(value, list):
        table[path[-1]] = _ended_by_comma(known)
        _put_items(table[path[-1]], value)
    else:
        table[path[-1]] = value


def _ended_by_comma(known: Array) -> Array:
    """The same list with a comma behind its last item, so that another one may follow: the library
    would put it behind the comments that stand there."""
    text = known.as_string()
    parts = [found for found in _PART.finditer(text) if found["item"] or found["comma"]]
    if not parts or parts[-1]["comma"] or "\n" not in text:
        return known
    at = parts[-1].end()
    return tomlkit.array(f"{text[:at]},{text[at:]}")


def _put_items(known: Array, value: list[int | str] | list[str]) -> None:
    """Item by item, so that what stands between and beside them stays; a comment beside an item
    goes with it."""
    before = known.unwrap()
    steps = SequenceMatcher(None, before, value, autojunk=False).get_opcodes()
    # From behind, so that what is ahead of a step keeps its place.
    for _, start, end, fresh, fresh_end in reversed([one for one in steps if one[0] != "equal"]):
        both = min(end - start, fresh_end - fresh)
        for place in reversed(range(start + both, end)):
            del known[place]
        for place in range(both):
            known[start + place] = value[fresh + place]
        for place in range(both, fresh_end - fresh):
            known.insert(start + place, value[fresh + place])


def _remove(document: MutableMapping[str, Any], path: KeyPath) -> None:
    tables: list[MutableMapping[str, Any]] = [document]
    for name in path[:-1]:
        inner = tables[-1].get(name)
        if not isinstance(inner, MutableMapping):
            return
        tables.append(inner)
    for table, name in zip(reversed(tables), reversed(path), strict=True):
        table.pop(name, None)
        if table:
            break
