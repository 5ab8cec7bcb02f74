import pytest

from lanherd_desktop.state.rules_form import (
    FIELDS,
    Share,
    changed,
    default_of,
    is_toml,
    said_of,
    share_key,
    shares_of,
    without_share,
)
from lanherd_protocol.rules_check import KEYS, check_rules

TEXT = """\
# Ada's machine.
keep_free = 1  # the one with the screen
hours = ["18:00-08:00"]
gpus = [0, 1, 2, 3]
exclusive_by_default = true
quiet_s = "30 s"
users = { bo = { gpus_max = 2 } }
"""


def test_every_rule_has_a_field() -> None:
    assert {field.key for field in FIELDS} == KEYS.keys()


@pytest.mark.parametrize("field", [field for field in FIELDS if field.choices])
def test_every_choice_is_a_rule_that_is_taken(field: tuple[str, str, tuple[str, ...]]) -> None:
    key, _, choices = field
    for choice in choices:
        assert not check_rules(changed("", key, choice)).findings
    assert default_of(key) in choices


def test_a_field_says_what_the_file_says() -> None:
    said = {field.key: said_of(TEXT, field.key) for field in FIELDS}
    assert {key: text for key, text in said.items() if text} == {
        "keep_free": "1",
        "hours": "18:00-08:00",
        "gpus": "0, 1, 2, 3",
        "exclusive_by_default": "true",
        "quiet_s": "30 s",
    }
    assert said_of("users = {}", "users") == ""
    assert said_of('hours = ["1:00-2:00", "3:00-4:00"]', "hours") == '["1:00-2:00", "3:00-4:00"]'
    assert said_of('gpus = [0, "GPU-x"]', "gpus") == '[0, "GPU-x"]'
    assert said_of("fair_share = false", "fair_share") == "false"
    assert said_of("gpus = []", "gpus") == "[]"


@pytest.mark.parametrize(
    "text", ['hours = ["1:00-2:00", "3:00-4:00"]', 'gpus = [0, "GPU-x"]', TEXT]
)
def test_what_a_field_says_changes_nothing_when_it_is_put_back(text: str) -> None:
    for field in FIELDS:
        said = said_of(text, field.key)
        assert said_of(changed(text, field.key, said), field.key) == said


def test_a_change_keeps_what_was_written_around_it() -> None:
    text = changed(TEXT, "keep_free", " 2 ")
    assert "keep_free = 2  # the one with the screen" in text and text.startswith("# Ada's")
    assert "keep_free" not in changed(text, "keep_free", "")
    with pytest.raises(ValueError, match="can't be changed"):
        changed("keep_free = = 1", "keep_free", "1")


def test_defaults_are_told_and_shares_have_none() -> None:
    assert (default_of("gpus"), default_of("keep_free"), default_of("quiet_s")) == ("", "0", "10.0")
    assert default_of("users") == ""


def test_a_text_that_is_no_toml_has_no_fields() -> None:
    assert is_toml(TEXT) and not is_toml("keep_free = ") and not is_toml("a=" + "[" * 9_000)


def test_shares_are_listed_changed_and_taken_away() -> None:
    text = changed(TEXT, "tags.big.gpus_min", "1")
    shares = shares_of(text)
    assert shares == (Share("users", "bo", "", "2"), Share("tags", "big", "1", ""))
    assert shares[0].key("gpus_max") == "users.bo.gpus_max"
    assert share_key("users", "a.b") == 'users."a.b"'
    assert shares_of(without_share(text, shares[1])) == shares[:1]
    assert shares_of("users = 3\n[tags]\nbig = 1") == ()
    dotted = changed("", f"{share_key('users', '阿达')}.gpus_max", "2")
    assert shares_of(dotted) == (Share("users", "阿达", "", "2"),)
