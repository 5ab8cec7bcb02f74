"""Environments as people look after them: listed, inspected, frozen, repaired, removed."""

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from lanherd_agent.envs.builder import USED, BuiltEnvironment
from lanherd_agent.envs.inventory import Inventory, Needed
from lanherd_agent.envs.registry import Registered, registered_id
from lanherd_agent.envs.upkeep import AskNeeded, Upkeep
from lanherd_protocol.errors import ErrorCode, LanherdError
from lanherd_protocol.ids import RunId
from lanherd_protocol.values import SourceEnvironment
from tests.integration.wheels import make_wheel
from tests.support.environments import EnvironmentsOfTest, environments, variables, words_of
from tests.support.waiting import wait_until_async

RUN = RunId("01890000-0000-7000-8000-000000000001")


class Place:
    def __init__(self, made: EnvironmentsOfTest) -> None:
        self.made = made
        self.inventory = Inventory(made.all)
        self.upkeep = Upkeep(made.all, self.inventory)

    async def build(self, *packages: str) -> BuiltEnvironment:
        return await self.made.provide(SourceEnvironment(packages=packages))


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "wheels"
    for name in ("tiny", "big"):
        make_wheel(folder, name)
    return folder


@pytest.fixture
async def place(tmp_path: Path, wheels: Path) -> Place:
    return Place(await environments(tmp_path / "home", variables(wheels)))


def needs(needed: Mapping[str, tuple[RunId, ...]] | None = None) -> AskNeeded:
    async def ask() -> Needed:
        return needed or {}

    return ask


async def refused(work: object, refusal: str) -> LanherdError:
    assert asyncio.iscoroutine(work)
    with pytest.raises(LanherdError) as caught:
        await work
    assert caught.value.failure.data["refusal"] == refusal
    assert caught.value.failure.remedy
    return caught.value


async def test_what_there_is_and_what_is_in_it(place: Place) -> None:
    assert await place.inventory.show({}) == ()
    built = await place.build("tiny", "big")
    with pytest.raises(LanherdError):
        await place.build("absent")
    await place.made.all.registry.register("lab", str(built.path))
    needed: Needed = {str(built.environment): (RUN,), str(registered_id("lab")): (RUN,)}
    shown = {one.state: one for one in await place.inventory.show(needed)}
    assert set(shown) == {"ready", "failed", "registered"}
    ready = shown["ready"]
    assert ready.source == "tiny, big"
    assert ready.interpreter == str(place.made.builder.pythons.default.path)
    assert ready.runs == shown["registered"].runs == (RUN,)
    assert ready.used_at is None
    assert ready.packages == ()
    # What it shares with uv's cache is not its own.
    assert 0 < ready.own_bytes < ready.view.size_bytes
    assert "absent was not found" in shown["failed"].problem
    assert shown["failed"].source == "absent"
    assert shown["registered"].name == "lab"
    assert await place.inventory.cache_bytes() > 0

    place.made.all.note_used(built.environment)
    inspected = await place.inventory.inspect(built.environment[:8], {})
    assert [(one.name, one.version) for one in inspected.packages] == [
        ("big", "1.0"),
        ("tiny", "1.0"),
    ]
    assert all(one.size_bytes > 0 for one in inspected.packages)
    assert inspected.used_at is not None
    assert abs(inspected.used_at - time.time()) < 60
    theirs = await place.inventory.inspect("lab", {})
    assert [(one.name, one.version) for one in theirs.packages] == [
        ("big", "1.0"),
        ("tiny", "1.0"),
    ]
    frozen = await place.made.all.frozen_registered(await _registered(place))
    assert frozen == b"big==1.0\ntiny==1.0\n"
    failed = await place.inventory.inspect(shown["failed"].view.environment, {})
    assert failed.state == "failed"
    await refused(place.inventory.inspect("nosuch", {}), "no_environment_like")
    await refused(place.inventory.inspect(built.environment[:3], {}), "no_environment_like")


async def _registered(place: Place) -> Registered:
    one = await place.inventory.find("lab")
    assert isinstance(one, Registered)
    return one


async def test_two_that_begin_alike_are_told_apart(place: Place, tmp_path: Path) -> None:
    folder = place.made.builder.folder
    for digit in "12":
        (folder / ("ab" * 31 + f"c{digit}")).mkdir()
    caught = await refused(place.inventory.inspect("abab", {}), "many_environments_like")
    assert caught.code is ErrorCode.CONFLICT


async def test_one_that_is_being_built_is_shown(place: Place, wheels: Path, tmp_path: Path) -> None:
    async with place.made.builder.turn("something else"), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(place.build("tiny"))
        await wait_until_async(lambda: bool(place.made.all.resolver.waiting()))
        (shown,) = await place.inventory.show({})
        assert (shown.state, shown.source) == ("waiting", "tiny")
        assert await place.inventory.state_of(shown.view.environment) == "waiting"
        await refused(place.upkeep.remove(shown.view.environment, needs()), "environment_busy")
        waiting.cancel()


async def test_none_is_removed_under_a_run(place: Place) -> None:
    built = await place.build("tiny")
    needed = needs({built.environment: (RUN,)})
    caught = await refused(place.upkeep.remove(built.environment, needed), "environment_needed")
    assert caught.code is ErrorCode.CONFLICT
    assert await words_of(built, "tiny") == ["tiny"]

    asked = 0

    async def comes_late() -> Needed:
        nonlocal asked
        asked += 1
        return {built.environment: (RUN,)} if asked > 1 else {}

    await refused(place.upkeep.remove(built.environment, comes_late), "environment_needed")
    assert await place.build("tiny") == built
    assert place.made.builder.builds == 1

    details = await place.inventory.inspect(built.environment, {})
    freed = await place.upkeep.remove(built.environment[:12], needs())
    assert freed == details.own_bytes > 0
    assert not built.path.exists()
    assert await place.inventory.show({}) == ()
    assert os.listdir(place.made.builder.folder / "trash") == []
    await refused(place.upkeep.remove(built.environment, needs()), "no_environment_like")
    again = await place.build("tiny")
    assert again.environment == built.environment
    assert place.made.builder.builds == 2


async def test_a_failure_and_a_name_are_removed_too(place: Place, wheels: Path) -> None:
    with pytest.raises(LanherdError):
        await place.build("absent")
    (failed,) = await place.inventory.show({})
    assert await place.upkeep.remove(failed.view.environment, needs()) == 0
    assert await place.inventory.show({}) == ()
    with pytest.raises(LanherdError) as caught:
        await place.build("absent")
    assert caught.value.failure.data["refusal"] == "no_package"

    built = await place.build("tiny")
    await place.made.all.registry.register("lab", str(built.path))
    needed = needs({registered_id("lab"): (RUN,)})
    await refused(place.upkeep.remove("lab", needed), "environment_needed")
    assert await place.upkeep.remove("lab", needs()) == 0
    assert built.path.exists()
    await refused(place.upkeep.remove("lab", needs()), "no_environment_like")


async def test_the_longest_unused_are_collected(place: Place) -> None:
    one, two, three = [
        await place.build("tiny"),
        await place.build("big"),
        await place.build("tiny", "big"),
    ]
    now = time.time()
    for built, age_s in ((one, 300), (two, 200), (three, 100)):
        used = place.made.builder.place(built.environment) / USED
        used.touch()
        os.utime(used, (now - age_s, now - age_s))
    needed = needs({one.environment: (RUN,)})

    async def collected(
        age_s: float | None = None, size_bytes: int | None = None, *, dry_run: bool = False
    ) -> list[str]:
        removed, freed = await place.upkeep.collect(
            needed, now, age_s=age_s, size_bytes=size_bytes, dry_run=dry_run
        )
        assert bool(removed) is (freed > 0)
        return list(removed)

    assert await collected() == []
    assert await collected(age_s=250) == []
    assert await collected(age_s=50, dry_run=True) == [two.environment, three.environment]
    assert await collected(age_s=150) == [two.environment]
    total = sum(view.size_bytes for view in await place.made.builder.list())
    assert await collected(size_bytes=total) == []
    assert await collected(size_bytes=total - 1) == [three.environment]
    # What a run needs stays, however much it is.
    assert await collected(age_s=0, size_bytes=0) == []
    assert [view.environment for view in await place.made.builder.list()] == [one.environment]


@pytest.mark.parametrize("shared", [False, True])
async def test_damage_is_found_and_mended(place: Place, shared: bool) -> None:
    built = await place.build("tiny", "big")
    (module,) = built.path.glob("lib/python*/site-packages/tiny.py")
    assert module.stat().st_nlink > 1
    if not shared:
        module.unlink()
    # Through a hard link, what is in uv's cache is damaged as well.
    module.write_text("word = 'evil'\n")
    said = await place.upkeep.repair(built.environment, dry_run=True)
    assert [Path(path).name for path in said.damaged] == ["tiny.py"]
    assert not said.repaired
    assert await words_of(built, "tiny", "big") == ["evil", "big"]
    (shown,) = await place.inventory.show({})
    assert shown.state == "damaged"

    done = await place.upkeep.repair(built.environment, dry_run=False)
    assert done.damaged == said.damaged
    assert done.repaired
    assert await words_of(built, "tiny", "big") == ["tiny", "big"]
    (shown,) = await place.inventory.show({})
    assert shown.state == "ready"
    whole = await place.upkeep.repair(built.environment, dry_run=False)
    assert (whole.damaged, whole.repaired) == ((), False)
    assert whole.files == done.files


async def test_damage_that_can_not_be_mended_is_said(place: Place, wheels: Path) -> None:
    built = await place.build("tiny")
    (module,) = built.path.glob("lib/python*/site-packages/tiny.py")
    module.write_text("word = 'evil'\n")
    (wheels / "tiny-1.0-py3-none-any.whl").unlink()
    with pytest.raises(LanherdError) as caught:
        await place.upkeep.repair(built.environment, dry_run=False)
    assert caught.value.failure.remedy
    (shown,) = await place.inventory.show({})
    assert shown.state == "damaged"


async def test_a_registered_one_is_not_repaired(place: Place) -> None:
    built = await place.build("tiny")
    await place.made.all.registry.register("lab", str(built.path))
    await refused(place.upkeep.repair("lab", dry_run=False), "registered_unchanged")
    with pytest.raises(LanherdError):
        await place.build("absent")
    failed = next(one for one in await place.inventory.show({}) if one.state == "failed")
    await refused(place.upkeep.repair(failed.view.environment, dry_run=True), "no_environment_like")


async def test_what_was_being_removed_when_an_agent_ended_goes(place: Place) -> None:
    trash = place.made.builder.folder / "trash"
    (trash / "half" / "venv").mkdir(parents=True)
    await place.upkeep.empty_trash()
    assert os.listdir(trash) == []
