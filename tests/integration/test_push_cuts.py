"""Pushes over TLS that are cut and go on; `python -m tests.soak.push_cuts` makes many of them."""

import random
from pathlib import Path

import pytest

from lanherd_protocol.limits import BLOB_BYTES_MAX
from tests.soak.push_cuts import make_source, push_once, run_campaign


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_push_that_is_cut_at_any_point_goes_on_and_is_whole(
    tmp_path: Path, seed: int
) -> None:
    campaign = await run_campaign(tmp_path, cuts=6, seed=seed, scale=0.4)
    assert campaign.unsound == []
    assert campaign.cuts >= 6
    assert campaign.doubled_worst <= BLOB_BYTES_MAX


async def test_a_push_that_is_cut_in_its_first_bytes_goes_on(tmp_path: Path) -> None:
    source = tmp_path / "source"
    make_source(source, random.Random(3), 0.2)
    outcome = await push_once(source, [1, 100, 3000], resets=False)
    assert outcome.is_sound
    assert outcome.cuts == 3
