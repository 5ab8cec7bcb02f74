"""What the documents for people say is there."""

import re
import textwrap

import pytest

from lanherd_client import blocking
from tests.architecture.source import ROOT

PICTURE_BYTES_MAX = 200_000
DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"]
PAGES = ["protocol/README.md", "agent/README.md", "desktop/README.md", *DOCUMENTS]


def text_of(document: str) -> str:
    return (ROOT / document).read_text()


def test_the_python_example_is_the_documented_one() -> None:
    (example,) = re.findall(r"```python\n(.*?)\n```", text_of("README.md"), re.DOTALL)
    assert textwrap.indent(example, "    ", lambda line: bool(line.strip())) in blocking.__doc__


@pytest.mark.parametrize("document", PAGES)
def test_links_lead_somewhere(document: str) -> None:
    here = (ROOT / document).parent
    targets = re.findall(r"\]\(([^)#]+)\)", text_of(document))
    assert not [t for t in targets if "://" not in t and not (here / t).exists()]


def test_the_picture_is_small() -> None:
    (picture,) = re.findall(r"!\[[^]]+\]\(([^)]+)\)", text_of("README.md"))
    assert (ROOT / picture).stat().st_size < PICTURE_BYTES_MAX


@pytest.mark.parametrize("document", PAGES)
def test_every_verb_of_dev_exists(document: str) -> None:
    verbs = set(re.findall(r"^  ([a-z0-9]+) ", text_of("dev"), re.MULTILINE))
    assert {"demo", "test", "check"} <= verbs
    assert set(re.findall(r"\./dev ([a-z0-9]+)", text_of(document))) <= verbs


@pytest.mark.parametrize("package", ["protocol", "agent", "desktop"])
def test_the_pages_name_real_files(package: str) -> None:
    folders = [ROOT / package, *(ROOT / package).glob("lanherd_*")]
    named = re.findall(r"`([a-z_/]+(?:\.py|/))`", text_of(f"{package}/README.md"))
    assert named
    missing = [n for n in named if not any((f / n).exists() for f in (*folders, ROOT))]
    assert not missing
