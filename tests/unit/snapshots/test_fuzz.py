"""A short campaign of each kind; `./dev fuzz` has the long ones."""

from pathlib import Path

import pytest

from tests.fuzz import blobs, manifests


@pytest.mark.parametrize("seed", [1, 2])
async def test_hostile_manifests_harm_nobody(tmp_path: Path, seed: int) -> None:
    outcome = await manifests.campaign(tmp_path, 700, seed)
    assert outcome.tried == 700
    # Else nothing was built, or the attacks weren't what they should be.
    assert outcome.accepted > 70
    assert {"bad_manifest", "missing_blobs", "no_base", "no_hash"} <= outcome.refused.keys()
    assert len(outcome.mutations) > 20


async def test_damaged_blobs_are_refused_or_found(tmp_path: Path) -> None:
    outcome = await blobs.campaign(tmp_path, 120, 3)
    assert (outcome.in_packs, outcome.on_disk) == (60, 60)
    assert len(outcome.kinds) > 12
