"""Which probe an agent gets."""

from pathlib import Path

from lanherd_agent.gpu.probe import GpuProbe, Holds


def open_probe(
    *, simulate: int, holds: Holds, script: Path | None = None, kept: Path | None = None
) -> GpuProbe:
    """The machine's own GPUs through NVML, or as many simulated ones as were asked for. `kept` is
    the file in which they are remembered, for a driver that doesn't tell them at the next start.

    Raises a LanherdError when the script of foreign processes can't be used.
    """
    # Imported here, so that an agent carries only the probe that it uses.
    if simulate:
        from lanherd_agent.gpu.scripted import ScriptedProbe

        return ScriptedProbe(simulate, holds=holds, script=script)
    from lanherd_agent.gpu.probe_process import NvmlProbe

    return NvmlProbe(kept=kept)
