from lanherd_agent.gpu.binding import binding_variables, number_of
from lanherd_protocol.ids import GpuUuid
from lanherd_protocol.values import Lease, LeasedGpu


def test_gpus_are_bound_by_uuid() -> None:
    gpus = (
        LeasedGpu(index=3, uuid=GpuUuid("GPU-b"), vram_bytes=1),
        LeasedGpu(index=0, uuid=GpuUuid("GPU-a"), vram_bytes=1),
    )
    assert binding_variables(Lease(gpus=gpus)) == {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        "CUDA_VISIBLE_DEVICES": "GPU-b,GPU-a",
        "NVIDIA_VISIBLE_DEVICES": "GPU-b,GPU-a",
    }


def test_a_run_without_gpus_sees_none() -> None:
    variables = binding_variables(Lease())
    assert variables["CUDA_VISIBLE_DEVICES"] == ""
    assert variables["NVIDIA_VISIBLE_DEVICES"] == "void"


def test_mig_instances_are_bound_by_their_own_uuid_and_numbered_below_their_gpu() -> None:
    inside = LeasedGpu(index=0, uuid=GpuUuid("MIG-c"), vram_bytes=1, instance=1)
    variables = binding_variables(Lease(gpus=(inside,)))
    assert variables["CUDA_VISIBLE_DEVICES"] == "MIG-c"
    assert variables["NVIDIA_VISIBLE_DEVICES"] == "MIG-c"
    assert number_of(inside) == "0:1"
    assert number_of(LeasedGpu(index=3, uuid=GpuUuid("GPU-a"), vram_bytes=1)) == "3"
