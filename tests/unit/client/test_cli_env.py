"""What the shell says of environments, before any machine is asked."""

from pathlib import Path
from typing import Any

import pytest
from click.shell_completion import ShellComplete
from msgspec.structs import replace

from lanherd_client.cli.commands import cli
from lanherd_client.cli.env_completion import FILE, remember_environments
from lanherd_client.cli.env_options import split_packages
from lanherd_client.cli.env_shapes import environment_shape, short_environment, used_text
from lanherd_client.cli.main import main
from lanherd_client.mirror import Connecting, MachineView
from lanherd_protocol.environment_messages import EnvironmentDetails, EnvironmentPackage
from lanherd_protocol.ids import DeviceId, EnvironmentId, RunId
from lanherd_protocol.values import EnvironmentView


@pytest.mark.parametrize(
    ("text", "packages"),
    [
        ("numpy", ("numpy",)),
        (" numpy  torch>=2,<3 ", ("numpy", "torch>=2,<3")),
        ("numpy >= 2, < 3 six", ("numpy>=2,<3", "six")),
        ("torch [cuda] ==2", ("torch[cuda]==2",)),
        ("six @ https://x/six.whl", ("six @ https://x/six.whl",)),
        ("six ; os_name == 'posix'", ("six ; os_name == 'posix'",)),
        ("  ", ()),
    ],
)
def test_packages_are_told_apart_by_blanks(text: str, packages: tuple[str, ...]) -> None:
    assert split_packages(text) == packages


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["run", "--environment", "", "--", "true"], "'--environment': it is empty."),
        (["run", "--environment", "A=1", "--", "true"], "For a variable write --env."),
        (["run", "--env", "LR", "--", "true"], "an environment is said by --environment."),
        (["run", "--packages", " ", "--", "true"], "'--packages': it is empty."),
        (["run", "--packages", "--index=x", "--", "true"], "'--packages': An option is for"),
        (["run", "--extra", "a b", "--", "true"], "'--extra': It is no name."),
        (["run", "--group", "", "--", "true"], "'--group': it is empty."),
        (["run", "--python", "three", "--", "true"], "'--python': It is no version."),
        (
            ["run", "--environment", "lab", "--no-environment", "--", "true"],
            "Write one of --environment and --no-environment.",
        ),
        (["env", "build"], "Name what to build: --project DIR, or --packages"),
        (["env", "collect"], "Say which: --age for unused ones, --size"),
        (["env", "run", "lab"], "Missing argument 'COMMAND…'."),
        (["env", "remove"], "Missing argument 'ENV…'."),
        (["env", "show", ""], "it is empty."),
    ],
)
def test_a_slip_names_its_option(
    arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert why in capsys.readouterr().err


def details(**more: Any) -> EnvironmentDetails:
    view = EnvironmentView(
        environment=EnvironmentId("b" * 64),
        python_version="3.12.1",
        size_bytes=90,
        built_at=5.0,
        build_seconds=2.0,
    )
    return replace(EnvironmentDetails(view=view, state="ready", own_bytes=40), **more)


def test_an_environment_in_json() -> None:
    machine = MachineView(machine=DeviceId("d" * 64), name="box", link=Connecting(0.0))
    package = EnvironmentPackage(name="six", version="1")
    shape = environment_shape(
        machine, details(packages=(package,), runs=(RunId("r"),), used_at=7.0), True
    )
    assert shape["short"] == "b" * 12
    assert (shape["size_bytes"], shape["own_bytes"], shape["shared_bytes"]) == (90, 40, 50)
    assert (shape["used_at"], shape["runs"], shape["machine_name"]) == (7.0, ["r"], "box")
    assert shape["packages"] == [{"name": "six", "version": "1", "size_bytes": None}]
    registered = environment_shape(machine, details(state="registered", name="lab"))
    assert (registered["name"], registered["size_bytes"], registered["built_at"]) == (
        *("lab", None),
        None,
    )
    assert "packages" not in registered


def test_an_environment_in_words() -> None:
    assert short_environment(details()) == "b" * 12
    assert short_environment(details(name="lab")) == "lab"
    assert used_text(details(), 60.0) == "never"
    assert used_text(details(used_at=10.0), 70.0) == "1 m 0 s ago"
    assert used_text(details(state="failed"), 60.0) == ""


def offered(*words: str) -> set[str]:
    complete = ShellComplete(cli, {}, "lanherd", "_LANHERD_COMPLETE")
    return {item.value for item in complete.get_completions(list(words), "")}


def test_environments_that_were_seen_are_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANHERD_HOME", str(tmp_path))
    assert offered("run", "--environment") == {"auto", "none"}
    remember_environments(tmp_path, [details(), details(state="registered", name="lab")])
    before = (tmp_path / FILE).stat().st_mtime_ns
    remember_environments(tmp_path, [details(), details(state="registered", name="lab")])
    assert (tmp_path / FILE).stat().st_mtime_ns == before
    short = "b" * 12
    assert offered("run", "--environment") == {"auto", "none", "lab", short}
    assert offered("env", "show") == {"lab", short}
    assert offered("env", "forget") == {"lab"}
    (tmp_path / FILE).write_text("no json")
    assert offered("env", "forget") == set()


def test_names_that_can_not_be_kept_stop_nothing(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    remember_environments(tmp_path, [details()])
