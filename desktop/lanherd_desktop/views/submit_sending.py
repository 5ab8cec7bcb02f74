"""Sends a whole form: pushes what the machine lacks of the project, then submits the run."""

from pathlib import Path

from lanherd_client.fleet import Fleet
from lanherd_client.run import Run
from lanherd_desktop.bridge import Job
from lanherd_desktop.state.submit_form import SubmitRequest
from lanherd_protocol.values import GpuRequest


def gpu_request(request: SubmitRequest) -> GpuRequest:
    wishes = request.wishes
    return GpuRequest(
        count=request.gpus,
        vram_bytes=request.vram_bytes,
        exclusive=request.exclusive,
        count_max=wishes.gpus_max,
        where=wishes.where,
        linked=wishes.linked,
        mig=wishes.mig,
        shared=wishes.shared,
        beside=wishes.beside,
    )


async def send(fleet: Fleet, request: SubmitRequest, job: Job[Run]) -> Run:
    options = request.options
    settings = options.settings
    wishes = request.wishes
    after = {
        kind: [dependency.run for dependency in options.dependencies if dependency.kind == kind]
        for kind in ("after", "after_ok", "after_any")
    }
    return await fleet.submit(
        command=request.command,
        project=Path(request.folder) if request.folder else None,
        gpus=f"{request.gpus}..{wishes.gpus_max}" if wishes.gpus_max else request.gpus,
        vram=request.vram_bytes,
        exclusive=request.exclusive,
        name=request.name,
        machine=request.machine,
        environment=request.environment,
        progress=job.progress,
        variables=options.variables,
        time_limit=options.time_limit_s,
        stop_signal=options.stop.signal,
        grace=options.stop.grace_s,
        retry=options.retry,
        after=after["after"],
        after_ok=after["after_ok"],
        after_any=after["after_any"],
        hold=settings.held,
        priority=settings.priority,
        tags=settings.tags,
        notes=settings.notes,
        secrets=options.secrets,
        directory=options.directory,
        niceness=options.niceness,
        pre_command=options.pre_command,
        post_command=options.post_command,
        split_log=options.log.split,
        log_cap=options.log.bytes_max,
        where=wishes.where,
        linked=wishes.linked,
        mig=wishes.mig,
        shared=wishes.shared,
        beside_others=wishes.beside,
        cpus=wishes.host.cpu_cores,
        memory=wishes.host.memory_bytes,
        disk=wishes.host.disk_bytes,
    )
