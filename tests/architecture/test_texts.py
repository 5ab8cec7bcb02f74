"""Every text of the window is in both languages; every action has a text and its own shortcut;
every error code has a text."""

import string
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest

from lanherd_agent.core.cause_table import RULES
from lanherd_agent.core.causes import UNCAUGHT, Failed, OutOfMemory, cause_of
from lanherd_agent.core.health import XIDS
from lanherd_agent.core.lost_gpus import FAULTS
from lanherd_desktop.actions.registry import ACTIONS, ActionId
from lanherd_desktop.views.cause_remedies import CAUSE_REMEDIES
from lanherd_desktop.views.causes import CAUSES
from lanherd_desktop.views.ends import END_REMEDIES
from lanherd_desktop.views.failures import FAILURES
from lanherd_desktop.views.reasons import REASONS, REMEDIES, RESTS, VARIANTS
from lanherd_desktop.views.xids import PHRASES
from lanherd_protocol.errors import ErrorCode
from tests.architecture.source import ROOT, Source, below
from tests.architecture.texts import (
    GivenReason,
    Text,
    Translation,
    read_translation,
    reasons_in,
    texts_in,
)

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


def reasons() -> list[GivenReason]:
    """Those that have sentences of their own in the window; causes that logs show are below."""
    found = [reason for source in below("agent") for reason in reasons_in(source)]
    return [reason for reason in found if reason.code not in CAUSES]


def test_every_reason_has_a_text() -> None:
    codes = {reason.code for reason in reasons()}
    assert "in_line" in codes
    assert codes == REASONS.keys()


ADDED = {"pid", "user", "program", "process", "processes", "run", "gpus"}
"""What some sentences get beside: which process of others holds the most, which run it is, how many
GPUs are meant."""


def test_a_reason_is_given_all_that_its_text_says() -> None:
    texts = [
        (reason, text, more)
        for reason in reasons()
        for text, more in (
            (REASONS[reason.code], set[str]()),
            *((variant, ADDED) for variant in VARIANTS.get(reason.code, ())),
        )
    ]
    lacking = [
        (reason.code, missing)
        for reason, text, more in texts
        if reason.values and (missing := fields(text) - reason.values - more)
    ]
    assert not lacking


def test_every_reason_of_the_core_is_said_in_chinese() -> None:
    source = next(one for one in below("agent") if one.path.endswith("core/reasons.py"))
    said = translations()["zh_CN"].texts
    codes = {reason.code for reason in reasons_in(source)}
    assert {"held", "lost_reboot", "low_disk", "backoff"} <= codes
    assert not [code for code in sorted(codes) if not said.get(("reasons", REASONS[code]))]


def test_every_remedy_has_a_text() -> None:
    assert {reason.code for reason in reasons() if reason.has_remedy} == REMEDIES.keys()


def test_every_cause_that_a_log_can_show_has_its_sentence() -> None:
    """Word by word, since the window knows by its words which of several was said."""
    given: list[tuple[str, tuple[str, ...], str]] = [
        (one.code, (one.text, one.plain), one.remedy) for one in (*RULES, UNCAUGHT)
    ]
    killed: tuple[OutOfMemory, ...] = ("run", "runs", "machine")
    ends = [Failed(signal=9, out_of_memory=whom) for whom in killed]
    ends += [Failed(code=1, out_of_memory="part")]
    ends += [*(Failed(signal=n) for n in range(1, 65))]
    ends += [Failed(code=code) for code in range(1, 256)]
    without_a_log = [reason for end in ends if (reason := cause_of(end, ())) is not None]
    given += [(reason.code, (reason.text,), reason.remedy) for reason in without_a_log]
    given += [(one.code, (one.text,), one.remedy) for one in FAULTS.values()]
    assert {code for code, _, _ in given} == CAUSES.keys() == CAUSE_REMEDIES.keys()
    told = [(code, text) for code, texts, _ in given for text in texts if text]
    assert not [text for code, text in told if text not in CAUSES[code]]
    assert not [remedy for code, _, remedy in given if remedy not in CAUSE_REMEDIES[code]]
    assert {text for texts in CAUSES.values() for text in texts} == {text for _, text in told}
    assert {text for texts in CAUSE_REMEDIES.values() for text in texts} == {r for *_, r in given}


def test_what_an_xid_means_has_a_text() -> None:
    assert set(PHRASES) == set(XIDS.values())


def test_reasons_are_found_in_code() -> None:
    code = """
A = Reason(code="a", text="A.")
def b(n):
    return values.Reason(code="b", text="", data={"gpu": n, "free_bytes": 1}, remedy="Do.")
C = "c"
D = {"x": "X.", "y": "Y."}
def c():
    return Reason(code=C, text="")
def d(cause, other):
    return Reason(code=f"d_{cause}", text=D[cause], remedy=other.remedy)
def failed(problem):
    return Reason(code=problem.code.value, text="")
def in_a_log(rule):
    return Reason(code=rule.code, text="")
"""
    expected = [
        GivenReason("a", frozenset(), has_remedy=False),
        GivenReason("b", frozenset({"gpu", "free"}), has_remedy=True),
        GivenReason("c", frozenset(), has_remedy=False),
        GivenReason("d_x", frozenset(), has_remedy=False),
        GivenReason("d_y", frozenset(), has_remedy=False),
    ]
    assert list(reasons_in(Source("agent/x.py", code))) == expected


def test_a_reason_with_a_code_of_its_own_making_is_refused() -> None:
    with pytest.raises(ValueError, match="literal"):
        list(reasons_in(Source("agent/x.py", "Reason(code=made_up(), text='')")))


def test_what_tables_hold_is_marked_for_translation() -> None:
    texts = {text for _, text in texts_of_the_window()}
    assert {action.text for action in ACTIONS} <= texts
    variants = {text for several in VARIANTS.values() for text in several}
    assert {*FAILURES.values(), *REASONS.values(), *REMEDIES.values()} <= texts
    several = [(of,) if isinstance(of, str) else of for of in RESTS.values()]
    assert {*chain.from_iterable(several), *variants, *PHRASES} <= texts
    tables = (CAUSES, CAUSE_REMEDIES, END_REMEDIES)
    assert {text for table in tables for of in table.values() for text in of} <= texts


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
