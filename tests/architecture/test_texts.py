"""Every text of the window is in both languages; every action has a text and its own shortcut;
every error code has a text."""

import ast
import string
from collections import Counter
from pathlib import Path

import pytest

from lanherd_desktop.actions.registry import ACTIONS, ActionId
from lanherd_desktop.views.words import FAILURES, REASONS
from lanherd_protocol.errors import ErrorCode
from tests.architecture.source import ROOT, Source, below
from tests.architecture.texts import Text, Translation, read_translation, texts_in

LANGUAGES = ["zh_CN"]


def translations() -> dict[str, Translation]:
    found = map(read_translation, sorted((ROOT / "resources/translations").glob("*.ts")))
    return {translation.language: translation for translation in found}


def texts_of_the_window() -> set[Text]:
    return {text for source in below("desktop") for text in texts_in(source)}


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_action_has_a_text() -> None:
    assert Counter(action.id for action in ACTIONS) == Counter(ActionId)
    assert not [action.id for action in ACTIONS if not action.text.strip()]


def test_every_shortcut_is_unique() -> None:
    shortcuts = Counter(action.shortcut for action in ACTIONS if action.shortcut)
    assert not [shortcut for shortcut, count in shortcuts.items() if count > 1]


def test_every_error_code_has_a_text() -> None:
    assert set(FAILURES) == set(ErrorCode)
    assert all(FAILURES.values())


def codes_of_reasons() -> set[str]:
    """The codes that the agent gives its reasons."""
    return {
        keyword.value.value
        for source in below("agent")
        for call, name in source.calls()
        for keyword in call.keywords
        if name.rpartition(".")[2] == "Reason" and keyword.arg == "code"
        if isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str)
    }


def test_every_reason_has_a_text() -> None:
    codes = codes_of_reasons()
    assert "in_line" in codes
    assert not codes - REASONS.keys() - set(ErrorCode)


def test_what_tables_hold_is_marked_for_translation() -> None:
    texts = {text for _, text in texts_of_the_window()}
    assert {action.text for action in ACTIONS} <= texts
    assert {*FAILURES.values(), *REASONS.values()} <= texts


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language: str) -> None:
    texts = translations()[language].texts
    missing = sorted(text for text in texts_of_the_window() if not texts.get(text))
    assert not missing, f"{len(missing)} texts lack {language}: {missing[:20]}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_is_left_over(language: str) -> None:
    stale = sorted(set(translations()[language].texts) - texts_of_the_window())
    assert not stale, f"not in the window any more: {stale[:20]}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_fills_in_the_same_values(language: str) -> None:
    wrong = [
        (text, translated)
        for (_, text), translated in translations()[language].texts.items()
        if translated and fields(text) != fields(translated)
    ]
    assert not wrong


def test_texts_are_found_in_code() -> None:
    code = """
class Page:
    def f(self):
        self.tr("in a method")
        label(QCoreApplication.translate("words", "plain"), QT_TRANSLATE_NOOP("w", "later"))
        QCoreApplication.translate("words", self.text)
"""
    expected = {("Page", "in a method"), ("words", "plain"), ("w", "later")}
    assert set(texts_in(Source("desktop/x.py", code))) == expected


def test_an_unfinished_translation_counts_as_none(tmp_path: Path) -> None:
    path = tmp_path / "t.ts"
    path.write_text(
        """<TS language="zh_CN"><context><name>w</name>
        <message><source>a</source><translation>甲</translation></message>
        <message><source>b</source><translation type="unfinished">乙</translation></message>
        <message><source>c</source></message>
        </context></TS>"""
    )
    found = read_translation(path)
    assert found == Translation("zh_CN", {("w", "a"): "甲", ("w", "b"): "", ("w", "c"): ""})
