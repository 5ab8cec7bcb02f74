"""Failures in the language of the window, and the English words that may stand in them."""

import re
from collections.abc import Callable

import pytest

from lanherd_desktop.views.words import failure_texts
from lanherd_protocol.errors import Failure, LanherdError

NAMES = {"GPU", "GB", "MB", "KB", "NUL", "ID", "TOML", "Python", "stderr", "src", "Unicode", "uv"}
NAMES |= {"UUID", "PATH", "lanherdignore", "txt", "lock", "requirements", "export", "no", "emit"}
NAMES |= {"project", "workspace", "Lanherd", "min", "UV", "DEFAULT", "INDEX", "HTTPS", "PROXY"}
NAMES |= {"SSL", "CERT", "FILE", "SSH", "ulimit", "TasksMax", "Linux", "KiB", "bash", "chmod"}
NAMES |= {"wheel"}
Ask = Callable[[], object]


def said(ask: Ask) -> str:
    with pytest.raises(LanherdError) as caught:
        ask()
    return in_chinese(caught.value.failure)


def in_chinese(failure: Failure) -> str:
    texts = failure_texts(failure)
    assert all(texts), "what happened, why, and what next"
    whole = "".join(texts)
    words = set(re.findall(r"(?<![A-Za-z0-9])[A-Za-z]{2,}", whole)) - NAMES
    assert not words and "{" not in whole, whole
    return whole
