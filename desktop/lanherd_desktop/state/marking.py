"""Marks a text for Qt Linguist where it is data, without translating it there."""


def QT_TRANSLATE_NOOP(context: str, text: str) -> str:
    """The text itself. The name is the one that lupdate looks for in the source."""
    return text
