import os
import platform
import pwd
from pathlib import Path

import pytest

from lanherd_agent.gpu import nvml_questions, pci
from lanherd_agent.gpu.host import HostProbe

NO_PID = 2**22 - 1
"""Larger than any pid that this test's machine gives out."""


def test_a_reading_has_everything(tmp_path: Path) -> None:
    host = HostProbe(tmp_path)
    reading = host.read()
    assert 0 <= (reading.cpu_percent or 0) <= 100
    assert reading.load_1m is not None
    assert 0 < (reading.memory_used_bytes or 0) < host.capacity().memory_bytes
    assert 0 < (reading.disk_free_bytes or 0) < host.capacity().disk_bytes
    assert host.capacity().cpu_count == os.cpu_count()


def test_a_home_that_went_away_leaves_the_rest(tmp_path: Path) -> None:
    reading = HostProbe(tmp_path / "gone").read()
    assert reading.disk_free_bytes is None
    assert reading.memory_used_bytes is not None


def test_who_runs_a_process(tmp_path: Path) -> None:
    host = HostProbe(tmp_path)
    owner = host.process(os.getpid())
    assert owner is not None
    assert "pytest" in owner.command or "python" in owner.command
    assert host.process(NO_PID) is None


def test_an_owner_without_a_name_and_a_system_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(uid: int) -> None:
        raise KeyError(uid)

    def no_release() -> dict[str, str]:
        raise FileNotFoundError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr(platform, "freedesktop_os_release", no_release)
    host = HostProbe(tmp_path)
    owner = host.process(os.getpid())
    assert owner is not None
    assert owner.user == str(os.geteuid())
    assert host.capacity().os.startswith("Linux")


@pytest.mark.parametrize(
    ("vendor", "kind", "found"),
    [("0x10de", "0x030200", True), ("0x10de", "0x040300", False), ("0x1002", "0x030000", False)],
)
def test_nvidia_hardware_is_seen_on_the_bus(
    tmp_path: Path, vendor: str, kind: str, found: bool
) -> None:
    device = tmp_path / "0000:01:00.0"
    device.mkdir()
    (tmp_path / "0000:02:00.0").mkdir()
    (device / "vendor").write_text(f"{vendor}\n")
    (device / "class").write_text(f"{kind}\n")
    assert pci.has_nvidia_gpu(str(tmp_path)) is found


def test_a_machine_without_a_pci_bus(tmp_path: Path) -> None:
    assert not pci.has_nvidia_gpu(str(tmp_path / "none"))


class Refusal(Exception):
    """What NVML says, with its code."""

    value = 12  # NVML_ERROR_LIBRARY_NOT_FOUND


def test_a_gpu_without_a_driver_is_a_problem_and_no_gpu_is_none() -> None:
    problem = nvml_questions.why_no_nvml(Refusal(), has_gpu=lambda: True)
    assert problem is not None
    assert "no NVIDIA driver" in problem
    assert nvml_questions.why_no_nvml(Refusal(), has_gpu=lambda: False) is None
