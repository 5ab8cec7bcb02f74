"""Templates: placeholders, braces, and values that are never read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanherd_client.sweeps.template import Placeholder, Template, escape, parse_template

TEXTS = st.text(st.sampled_from("{}ab '\"$\n\\é路"))
NAMES = st.text(st.characters(exclude_characters="{}"), min_size=1).filter(
    lambda name: name == name.strip() != ""
)


def none_of(name: str) -> str:
    raise AssertionError(f"{name} is asked for")


@given(TEXTS)
def test_an_escaped_text_is_itself(text: str) -> None:
    assert parse_template(escape(text)).fill(none_of) == text


@given(st.lists(st.one_of(TEXTS, NAMES.map(Placeholder))), TEXTS)
def test_what_is_written_is_what_is_read(parts: list[str | Placeholder], value: str) -> None:
    written = "".join(f"{{{p.name}}}" if isinstance(p, Placeholder) else escape(p) for p in parts)
    filled = "".join(value if isinstance(p, Placeholder) else p for p in parts)
    read = parse_template(written)
    assert read.fill(lambda name: value) == filled
    names = [part.name for part in parts if isinstance(part, Placeholder)]
    assert read.names == tuple(dict.fromkeys(names))


@given(st.text(st.sampled_from("{}a ")))
def test_any_text_is_read_or_refused_in_a_sentence(text: str) -> None:
    said = "."
    try:
        parse_template(text)
    except ValueError as problem:
        said = str(problem)
    assert said.endswith(".")


def test_the_parts_of_a_template() -> None:
    assert parse_template("a{{b}}{ lr }c{x y}") == Template(
        ("a{b}", Placeholder("lr"), "c", Placeholder("x y"))
    )
    assert parse_template("{a}{b}{a}").names == ("a", "b")


@pytest.mark.parametrize("text", ["{", "}", "a{b", "b}a", "{}", "{ }", "{a{b}}", "{{}"])
def test_half_a_brace_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"brace"):
        parse_template(text)
