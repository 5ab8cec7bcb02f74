"""The system's own fonts, with tabular figures and a Chinese fallback that isn't Japanese."""

from functools import lru_cache

from PySide6.QtGui import QFont, QFontDatabase, QFontInfo

from lanherd_desktop.views.theme import tokens

# Without a named fallback fontconfig may take Japanese glyph shapes for Chinese text.
_CJK_FAMILIES = ("Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "WenQuanYi Micro Hei")
_CJK_MONO_FAMILIES = ("Noto Sans Mono CJK SC", *_CJK_FAMILIES)


@lru_cache(maxsize=64)
def _font(kind: QFontDatabase.SystemFont, size: int, weight: int) -> QFont:
    system = QFontDatabase.systemFont(kind)
    fixed = kind is QFontDatabase.SystemFont.FixedFont
    font = QFont(system)
    # 'Sans Serif' is no family: named first, the fallbacks would win over what it stands for.
    family = QFontInfo(system).family()
    font.setFamilies([family, *(_CJK_MONO_FAMILIES if fixed else _CJK_FAMILIES)])
    font.setPixelSize(size)
    font.setWeight(QFont.Weight(weight))
    font.setFeature(QFont.Tag("tnum"), 1)
    if fixed:
        font.setFixedPitch(True)
        font.setStyleHint(QFont.StyleHint.Monospace)
    return font


def ui_font(size: int = tokens.FONT_BASE, weight: int = int(QFont.Weight.Normal.value)) -> QFont:
    return QFont(_font(QFontDatabase.SystemFont.GeneralFont, size, weight))


def strong_font(size: int = tokens.FONT_BASE) -> QFont:
    return ui_font(size, tokens.WEIGHT_STRONG)


def mono_font(
    size: int = tokens.FONT_SECONDARY, weight: int = int(QFont.Weight.Normal.value)
) -> QFont:
    return QFont(_font(QFontDatabase.SystemFont.FixedFont, size, weight))
