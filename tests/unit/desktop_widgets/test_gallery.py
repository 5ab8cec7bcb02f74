from typing import Literal

import pytest
from PySide6.QtWidgets import QApplication

from tests.support import gallery


@pytest.mark.parametrize("mode", ["dark", "light"])
@pytest.mark.parametrize("scene", list(gallery.SCENES))
def test_every_scene_can_be_drawn(
    qapp: QApplication, scene: str, mode: Literal["dark", "light"]
) -> None:
    image = gallery.draw(qapp, scene, mode)
    colours = {
        image.pixel(x, y) for x in range(0, image.width(), 5) for y in range(0, image.height(), 5)
    }
    assert len(colours) > 10
