"""`lanherd gpus` where a GPU is cut by MIG, rules leave one out, and others are on them."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_cli_agent import lanherd, read
from tests.support.agent_process import AgentProcess, agent_process
from tests.support.waiting import wait_until

GIB = 1 << 30
SLICE = {"profile": "1g.5gb", "vram_bytes": 5 * GIB}
SCRIPT = {
    "driver_version": "550.54.15",
    "cuda_version": "12.4",
    "gpus": [
        {"name": "RTX", "ecc": True},
        {"name": "A100", "vram_bytes": 40 * GIB, "instances": [SLICE, SLICE]},
    ],
    "links": [{"first": 0, "second": 1, "kind": "nvlink", "nvlinks": 4}],
    "foreign": [
        {"gpu": 1, "instance": 1, "pid": 555, "vram_bytes": GIB, "user": "eve", "command": "x.py"}
    ],
}


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[AgentProcess]:
    script = tmp_path / "script.json"
    script.write_text(json.dumps(SCRIPT))
    home = Path(os.environ["HOME"]) / "agent"
    with agent_process(home, gpus=2, arguments=("--gpu-script", str(script))) as running:
        lanherd("pair")
        yield running


def rows(shown: str) -> dict[str, str]:
    """The lines of the table of GPUs by what stands in its column GPU."""
    table = shown.partition("\n\n")[0].splitlines()[1:]
    return {line.split()[1]: line for line in table}


def held(*options: str) -> str:
    """A run that is alive on what it asked for; its short id."""
    run = lanherd("run", *options, "--", "sleep", "600").stdout.strip()
    wait_until(lambda: read("show", run)["state"] == "running")
    return str(read("show", run)["short"])


def test_slices_stand_below_their_gpu_with_who_is_on_them(agent: AgentProcess) -> None:
    run = held("--gpus", "1", "--mig", "1g.5gb", "--vram", "2GB", "--where", "index = 1")
    shown = lanherd("gpus").stdout
    table = rows(shown)
    assert list(table) == ["0", "1", "1:0", "1:1"]
    on = read("show", run)["gpus"][0]
    number = f"{on['index']}:{on['instance']}"
    assert "MIG 1g.5gb" in table[number] and run in table[number]
    assert shown.count(run) == 1
    assert shown.count("x.py") == 1 and " 555 " in shown
    process = next(line for line in shown.splitlines() if "x.py" in line)
    assert process.split()[:3] == ["box", "1:1", "555"]
    assert f"GPU {number}" in lanherd("runs").stdout
    assert f"{number} (SIM-MIG-" in lanherd("show", run).stdout
    assert f"  {number}" in lanherd("attempts", run).stdout
    wait_until(lambda: "2.00 GB" in rows(lanherd("gpus").stdout)[number])
    told = read("gpus")[1]
    assert [one["number"] for one in told["instances"]] == ["1:0", "1:1"]
    assert told["instances"][on["instance"]]["vram_leased_bytes"] == 2 * GIB
    lanherd("stop", run)


def test_what_runs_were_promised_and_what_rules_leave_out(agent: AgentProcess) -> None:
    run = held("--gpus", "1", "--vram", "9GB")
    assert "PROMISED" in lanherd("gpus").stdout
    wait_until(lambda: "9.00 GB" in rows(lanherd("gpus").stdout)["0"])
    lanherd("rules", "set", "gpus", "0")
    table = rows(lanherd("gpus").stdout)
    assert "rules leave it out" in table["1:0"] and "rules leave it out" in table["1:1"]
    assert "rules" not in table["0"] and "rules" not in table["1"]
    first, second = read("gpus")
    assert first["allowed"] and not second["allowed"]
    assert [one["allowed"] for one in second["instances"]] == [False, False]
    lanherd("stop", run)


def test_all_that_is_known_of_a_gpu(agent: AgentProcess) -> None:
    shown = lanherd("gpus", "--all").stdout
    for said in (
        *("box  GPU 0  Simulated RTX", "box  GPU 1:0  MIG 1g.5gb", "00000000:01:00.0"),
        *("550.54.15, CUDA up to 12.4", "GPU 1 by NVLink (4 of them)", "350 W, 350 W at most"),
        *("MHz, memory 9501 MHz", "on, 0 uncorrected errors", "compute capability", "SIM-MIG-"),
    ):
        assert said in shown, said
    first: dict[str, Any] = read("gpus")[0]
    assert first["links"] == [{"gpu": 1, "kind": "nvlink", "nvlinks": 4}]
    assert (first["pci_address"], first["cuda_version"]) == ("00000000:01:00.0", "12.4")
    assert first["memory_clock_mhz"] == 9501


def test_what_is_closed_is_not_counted_as_free(agent: AgentProcess) -> None:
    def free() -> str:
        return lanherd("machines").stdout.splitlines()[1]

    before = free()
    assert [one["name"] for one in read("machines", "-m", "box")] == ["box"]
    lanherd("machines", "-m", "attic", code=5)
    assert "32." in before
    lanherd("cordon", "box", "0")
    wait_until(lambda: "takes no run" in rows(lanherd("gpus").stdout)["0"])
    assert "GB" in free() and free() != before
