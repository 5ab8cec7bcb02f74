"""Rules as people read them."""

from typing import Any

import pytest

from lanherd_client.cli.rules import rule_text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("quiet_s", 300.0, "5m"),
        ("temperature_c_max", 80.0, "80 °C"),
        ("power_w_max", 1200.0, "1200 W"),
        ("gpus", None, "all"),
        ("gpus", [], "none of them"),
        ("gpus", [0, "GPU-1"], "0, GPU-1"),
        ("gpus", (), "none of them"),
        ("gpus", (0, "GPU-1"), "0, GPU-1"),
        ("hours", ("18:00-08:00", "sat 00:00-24:00"), "18:00-08:00, sat 00:00-24:00"),
        ("hours", [], "always"),
        ("hours", (), "always"),
        ("power_w_max", None, "none"),
        ("backfill", True, "true"),
        ("keep_free", 1, "1"),
        ("strategy", "pack", "pack"),
        ("users", {}, "none"),
        (
            "users",
            {"ada": {"gpus_min": 0, "gpus_max": 2}, "bo": {"gpus_min": 0, "gpus_max": None}},
            "ada: gpus_max 2\nbo: no bounds",
        ),
    ],
)
def test_a_rule_has_its_unit(name: str, value: Any, text: str) -> None:
    assert rule_text(name, value) == text
