"""The language of the window: Qt Linguist's files, and the locale that numbers and dates follow."""

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator

from lanherd_desktop.platform.preferences import LanguageChoice
from lanherd_desktop.platform.resources import resources_path

_installed: list[QTranslator] = []


def language_of(choice: LanguageChoice) -> str:
    """`en` or `zh_CN`: what was chosen, else what the system speaks."""
    if choice != "system":
        return choice
    return "zh_CN" if QLocale.system().language() == QLocale.Language.Chinese else "en"


def apply_language(application: QCoreApplication, choice: LanguageChoice) -> str:
    """Install the translators of a language; returns which. Views made from now on speak it.

    Raises FileNotFoundError when the translation was not compiled.
    """
    language = language_of(choice)
    while _installed:
        application.removeTranslator(_installed.pop())
    QLocale.setDefault(QLocale(language))
    if language == "en":
        return language
    ours = QTranslator(application)
    path = resources_path() / "translations" / f"lanherd_{language}.qm"
    if not ours.load(str(path)):
        raise FileNotFoundError(f"The translation {path} is missing. Compile it with ./dev.")
    qt = QTranslator(application)
    directory = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    # Qt's own words (file dialogs, context menus); a build of Qt may come without them.
    for translator in (ours, qt) if qt.load(f"qtbase_{language}", directory) else (ours,):
        application.installTranslator(translator)
        _installed.append(translator)
    return language
