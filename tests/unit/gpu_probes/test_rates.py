from pathlib import Path

import pytest

from lanherd_agent.gpu.rates import RateMeter, Rates


class Machine:
    """Its counters, and the devices that are hardware."""

    def __init__(self, folder: Path) -> None:
        self.now = 100.0
        self.folder = folder
        (folder / "net").mkdir()
        self.meter = RateMeter(lambda: self.now, str(folder), str(folder))

    def hardware(self, kind: str, name: str) -> None:
        (self.folder / kind / name / "device").mkdir(parents=True)

    def network(self, **counts: tuple[int, int]) -> None:
        lines = ["Inter-|   Receive", " face |bytes"]
        for name, (received, sent) in counts.items():
            lines.append(f"  {name}: {received} 1 0 0 0 0 0 0 {sent} 1 0 0 0 0 0 0")
        (self.folder / "net/dev").write_text("\n".join(lines) + "\n")

    def disks(self, **sectors: tuple[int, int]) -> None:
        lines = [
            f" 8 0 {name} 9 9 {read} 9 9 9 {written} 9 0 9 9" for name, (read, written)
            in sectors.items()
        ]  # fmt: skip
        (self.folder / "diskstats").write_text("\n".join(lines) + "\n")

    def after(self, seconds: float) -> Rates:
        self.now += seconds
        return self.meter.read()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_rates_are_means_of_hardware_since_the_last_reading(machine: Machine) -> None:
    machine.hardware("class/net", "eth0")
    machine.hardware("block", "sda")
    machine.network(lo=(0, 0), eth0=(1000, 2000), docker0=(0, 0))
    machine.disks(sda=(10, 20), sda1=(10, 20), dm_0=(10, 20))
    first = machine.after(0)
    machine.network(lo=(9999, 9999), eth0=(1400, 2100), docker0=(700, 700))
    machine.disks(sda=(14, 20), sda1=(14, 20), dm_0=(14, 20))
    assert first == Rates()
    assert machine.after(2) == Rates(
        network_received_bytes_s=200.0,
        network_sent_bytes_s=50.0,
        disk_read_bytes_s=1024.0,
        disk_written_bytes_s=0.0,
    )


def test_a_containers_interface_counts_where_there_is_no_hardware(machine: Machine) -> None:
    machine.network(lo=(0, 0), eth0=(0, 0))
    machine.disks(loop0=(0, 0))
    machine.after(0)
    machine.network(lo=(5, 5), eth0=(10, 30))
    machine.disks(loop0=(8, 8))
    rates = machine.after(1)
    assert (rates.network_received_bytes_s, rates.network_sent_bytes_s) == (10.0, 30.0)
    assert (rates.disk_read_bytes_s, rates.disk_written_bytes_s) == (None, None)


def test_devices_come_go_and_begin_again(machine: Machine) -> None:
    machine.network(eth0=(500, 500))
    machine.after(0)
    machine.network(eth0=(100, 600), eth1=(7000, 7000))
    rates = machine.after(1)
    assert (rates.network_received_bytes_s, rates.network_sent_bytes_s) == (0.0, 100.0)
    machine.network(eth1=(7100, 7000))
    assert machine.after(1).network_received_bytes_s == 100.0


def test_no_counters_and_no_time_give_no_rates(machine: Machine) -> None:
    assert machine.after(1) == machine.after(1) == Rates()
    machine.network(eth0=(1, 1))
    machine.after(1)
    assert machine.after(0) == Rates()
