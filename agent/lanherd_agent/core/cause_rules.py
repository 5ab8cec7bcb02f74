"""What a line of a log must be like to show a cause, as data; `cause_table.py` holds the rules.

A rule's needles are looked for in the whole tail, in lower case, and its patterns only in lines
that hold one: no pattern sees more than one line. `{names}` in its texts are groups of the pattern;
where a line does not name them, `plain` is said. The order is that of a line that fits several.

`kind` says what such a line is among others of the same end: a `root` is what went wrong; an
`error` too, but says less; a `symptom` is what others notice of it, such as a process that lost
its peers; a `wrapper` only reports that what it started has failed.
"""

import re
from typing import Literal

from msgspec import Struct

Kind = Literal["root", "error", "symptom", "wrapper"]


class Rule(Struct, frozen=True, kw_only=True):
    """`gpu`: a fault of the GPU can look like this too."""

    code: str
    needles: tuple[bytes, ...]
    patterns: tuple[re.Pattern[bytes], ...]
    """Tried in this order: those that know more of it come first."""
    text: str
    remedy: str
    plain: str = ""
    kind: Kind = "root"
    gpu: bool = False
    exit_code: int | None = None
    """Only of a command that ended with this code."""


def rule(
    code: str,
    needles: str,
    pattern: str,
    text: str,
    remedy: str,
    *,
    plain: str = "",
    kind: Kind = "root",
    gpu: bool = False,
    exit_code: int | None = None,
    bare: str = "",
) -> Rule:
    """`needles` are parted by `|`; `bare` is a pattern for lines that name nothing."""
    return Rule(
        code=code,
        needles=tuple(needle.encode() for needle in needles.split("|")),
        patterns=tuple(re.compile(one.encode()) for one in (pattern, bare) if one),
        text=text,
        remedy=remedy,
        plain=plain,
        kind=kind,
        gpu=gpu,
        exit_code=exit_code,
    )


PACKAGES = {
    "cv2": "opencv-python-headless", "PIL": "pillow", "sklearn": "scikit-learn",
    "skimage": "scikit-image", "yaml": "pyyaml", "bs4": "beautifulsoup4", "dotenv": "python-dotenv",
    "dateutil": "python-dateutil", "git": "gitpython", "Bio": "biopython", "OpenSSL": "pyopenssl",
    "serial": "pyserial", "attr": "attrs", "faiss": "faiss-cpu", "Levenshtein": "levenshtein",
    "google.protobuf": "protobuf", "google": "protobuf", "pkg_resources": "setuptools",
    "pytorch_lightning": "pytorch-lightning", "flash_attn": "flash-attn",
    "tensorflow_datasets": "tensorflow-datasets", "mpl_toolkits": "matplotlib",
    "umap": "umap-learn", "wx": "wxpython", "zmq": "pyzmq", "magic": "python-magic",
    "fitz": "pymupdf", "sentence_transformers": "sentence-transformers", "ruamel": "ruamel.yaml",
}  # fmt: skip
"""The package of a module whose name is another."""
