"""Prints the Debian packages that this machine lacks for what `./dev` is about to do.

Asks the loader, fontconfig and PATH rather than the package database: what counts is whether Qt
will find it, and that answer is the same on a machine where somebody built the library by hand.
Standard library only, and quick: `./dev` calls it at every start.
"""

import ctypes
import os
import shutil
import sys

# soname → package. Offscreen is enough for tests and pictures, `window` is for a real X window.
LIBRARIES: dict[str, dict[str, str]] = {
    "offscreen": {
        "libEGL.so.1": "libegl1",
        "libGL.so.1": "libgl1",
        "libxkbcommon.so.0": "libxkbcommon0",
        "libfontconfig.so.1": "libfontconfig1",
        "libdbus-1.so.3": "libdbus-1-3",
        "libglib-2.0.so.0": "libglib2.0-0",
    },
    "window": {
        "libxcb-cursor.so.0": "libxcb-cursor0",
        "libxcb-icccm.so.4": "libxcb-icccm4",
        "libxcb-image.so.0": "libxcb-image0",
        "libxcb-keysyms.so.1": "libxcb-keysyms1",
        "libxcb-randr.so.0": "libxcb-randr0",
        "libxcb-render-util.so.0": "libxcb-render-util0",
        "libxcb-shape.so.0": "libxcb-shape0",
        "libxcb-xinerama.so.0": "libxcb-xinerama0",
        "libxcb-xkb.so.1": "libxcb-xkb1",
        "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
        "libX11-xcb.so.1": "libx11-xcb1",
    },
}
# What the tests run themselves: a screen, its clicks, and the compiler of the fake NVML.
PROGRAMS = {
    "Xvfb": "xvfb",
    "xdotool": "xdotool",
    "gcc": "gcc libc6-dev",
    "git": "git",
}
FONTS = {"latin": ("en", "fonts-dejavu-core"), "chinese": ("zh-cn", "fonts-wqy-microhei")}


class _FontSet(ctypes.Structure):
    _fields_ = (("count", ctypes.c_int),)


def has_library(soname: str) -> bool:
    try:
        ctypes.CDLL(soname, mode=os.RTLD_LAZY)
    except OSError:
        return False
    return True


def has_font(language: str) -> bool:
    """Whether fontconfig knows a font that covers the language."""
    try:
        fontconfig = ctypes.CDLL("libfontconfig.so.1")
    except OSError:
        return False
    fontconfig.FcNameParse.restype = ctypes.c_void_p
    fontconfig.FcObjectSetCreate.restype = ctypes.c_void_p
    fontconfig.FcFontList.restype = ctypes.POINTER(_FontSet)
    fontconfig.FcFontList.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
    pattern = fontconfig.FcNameParse(f":lang={language}".encode())
    found = fontconfig.FcFontList(None, pattern, fontconfig.FcObjectSetCreate())
    return bool(found) and found.contents.count > 0


def missing(needs: list[str]) -> list[str]:
    packages: list[str] = []
    for need in needs:
        if need in LIBRARIES:
            packages += [p for name, p in LIBRARIES[need].items() if not has_library(name)]
        elif need in FONTS:
            language, package = FONTS[need]
            packages += [] if has_font(language) else [package]
        elif need == "programs":
            packages += [p for name, p in PROGRAMS.items() if shutil.which(name) is None]
        else:
            raise SystemExit(f"system_needs.py: unknown need {need!r}")
    return packages


if __name__ == "__main__":
    print(" ".join(missing(sys.argv[1:])))
