"""What to do about every cause that the end of a log can show, as sources of translations."""

from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP

CAUSE_REMEDIES: dict[str, tuple[str, ...]] = {
    "gpu_xid": (
        QT_TRANSLATE_NOOP(
            "causes", "Tell the machine's owner; other GPUs are not touched by this."
        ),
        QT_TRANSLATE_NOOP(
            "causes", "Start it again, on another GPU, and tell the machine's owner."
        ),
    ),
    "gpu_lost": (
        QT_TRANSLATE_NOOP(
            "causes",
            "The machine may need a restart. Tell the machine's owner; other GPUs "
            "are not touched by this.",
        ),
        QT_TRANSLATE_NOOP(
            "causes", "Start it again, on another GPU, and tell the machine's owner."
        ),
    ),
    "gpu_ecc": (
        QT_TRANSLATE_NOOP(
            "causes", "Tell the machine's owner; other GPUs are not touched by this."
        ),
        QT_TRANSLATE_NOOP(
            "causes", "Start it again, on another GPU, and tell the machine's owner."
        ),
    ),
    "driver_mismatch": (
        QT_TRANSLATE_NOOP("causes", "Restart the machine, or have its driver loaded anew."),
    ),
    "driver_too_old": (
        QT_TRANSLATE_NOOP(
            "causes",
            "Update the machine's driver, or use packages that were built for an older CUDA.",
        ),
    ),
    "gpu_unsupported": (
        QT_TRANSLATE_NOOP(
            "causes",
            "Install packages for this GPU's compute capability, or ask for another "
            "GPU (`--where`).",
        ),
    ),
    "nvcc_arch": (
        QT_TRANSLATE_NOOP(
            "causes",
            "Use a newer CUDA toolkit, or leave that architecture out (TORCH_CUDA_ARCH_LIST).",
        ),
    ),
    "no_toolkit": (
        QT_TRANSLATE_NOOP(
            "causes",
            "Install the toolkit and set CUDA_HOME, or use packages that are compiled already.",
        ),
    ),
    "torch_without_cuda": (
        QT_TRANSLATE_NOOP(
            "causes",
            "Install the build of PyTorch for CUDA: its index is download.pytorch.org/whl/cu…",
        ),
    ),
    "no_gpu": (
        QT_TRANSLATE_NOOP(
            "causes", "Ask for a GPU (`--gpus 1`); if it did, look at the machine's driver."
        ),
    ),
    "invalid_device": (
        QT_TRANSLATE_NOOP(
            "causes", "Count GPUs from 0 among those that it was given, or ask for more of them."
        ),
    ),
    "out_of_vram": (
        QT_TRANSLATE_NOOP(
            "causes",
            "Use a smaller batch or model, or declare more VRAM, so that it is "
            "placed where there is as much.",
        ),
    ),
    "device_assert": (
        QT_TRANSLATE_NOOP("causes", "Run it with CUDA_LAUNCH_BLOCKING=1 to see which call it was."),
    ),
    "illegal_access": (
        QT_TRANSLATE_NOOP("causes", "Run it with CUDA_LAUNCH_BLOCKING=1 to see which call it was."),
    ),
    "cuda_fork": (
        QT_TRANSLATE_NOOP(
            "causes", "Start its processes by 'spawn' (multiprocessing.set_start_method)."
        ),
    ),
    "cuda_error": (
        QT_TRANSLATE_NOOP(
            "causes", "Run it once more; if it fails on one GPU only, tell the machine's owner."
        ),
    ),
    "shared_memory": (
        QT_TRANSLATE_NOOP(
            "causes", "Use fewer workers (num_workers), or have /dev/shm made larger."
        ),
    ),
    "disk_full": (QT_TRANSLATE_NOOP("causes", "Make room there, or write to another disk."),),
    "quota": (QT_TRANSLATE_NOOP("causes", "Make room there, or write to another disk."),),
    "read_only": (
        QT_TRANSLATE_NOOP("causes", "Write into the folder that LANHERD_OUTPUTS names."),
    ),
    "disk_error": (
        QT_TRANSLATE_NOOP(
            "causes", "Look at the machine's disks and mounts, then run it once more."
        ),
    ),
    "out_of_memory": (
        QT_TRANSLATE_NOOP(
            "causes", "Load less at once, use fewer workers, or ask for a machine with more memory."
        ),
    ),
    "too_many_files": (
        QT_TRANSLATE_NOOP(
            "causes",
            "Close files, or raise the limit (`ulimit -n`); for PyTorch's workers: "
            "torch.multiprocessing.set_sharing_strategy('file_system').",
        ),
    ),
    "no_threads": (
        QT_TRANSLATE_NOOP(
            "causes",
            "Use fewer workers and threads (OMP_NUM_THREADS), or raise the limit (`ulimit -u`).",
        ),
    ),
    "bad_interpreter": (
        QT_TRANSLATE_NOOP(
            "causes",
            "Name an interpreter that the machine has, or build the program for this machine.",
        ),
    ),
    "command_not_found": (
        QT_TRANSLATE_NOOP(
            "causes",
            "Install it, add it to the environment of the run, or name it with its whole path.",
        ),
    ),
    "missing_module": (
        QT_TRANSLATE_NOOP(
            "causes", "Add the package {package} to the project's dependencies and lock them anew."
        ),
    ),
    "missing_library": (
        QT_TRANSLATE_NOOP(
            "causes",
            "Install the package of the system that has it, or a Python package that "
            "brings it along.",
        ),
    ),
    "library_mismatch": (
        QT_TRANSLATE_NOOP(
            "causes", "Lock versions that belong together, and build compiled packages anew."
        ),
    ),
    "import_failed": (
        QT_TRANSLATE_NOOP(
            "causes",
            "Lock the version that the code needs; look for a file of the project "
            "with that name too.",
        ),
    ),
    "syntax_error": (
        QT_TRANSLATE_NOOP("causes", "Correct it; an older Python refuses newer syntax too."),
    ),
    "missing_variable": (
        QT_TRANSLATE_NOOP("causes", "Give it with the run (`--env NAME=VALUE`), or as a secret."),
    ),
    "permission": (
        QT_TRANSLATE_NOOP(
            "causes",
            "Change the owner or mode of the file (`chmod +x` for a program), or use another path.",
        ),
        QT_TRANSLATE_NOOP(
            "causes", "Make it executable (`chmod +x`), or name its interpreter first."
        ),
    ),
    "file_not_found": (
        QT_TRANSLATE_NOOP(
            "causes", "Check the path: files outside of the project are not sent with the run."
        ),
    ),
    "port_in_use": (
        QT_TRANSLATE_NOOP(
            "causes", "Use port 0 (any), or another one: `--master-port` for torchrun."
        ),
    ),
    "not_authorised": (
        QT_TRANSLATE_NOOP(
            "causes",
            "Ask for access there, and give the run the token as a secret (HF_TOKEN, "
            "WANDB_API_KEY).",
        ),
    ),
    "no_network": (
        QT_TRANSLATE_NOOP(
            "causes",
            "Check that the machine reaches it; where it has no network, put the "
            "files there before, or use an offline mode (HF_HUB_OFFLINE=1, "
            "WANDB_MODE=offline).",
        ),
    ),
    "connection_refused": (
        QT_TRANSLATE_NOOP("causes", "Start that server before, and check its address and port."),
    ),
    "network_timeout": (
        QT_TRANSLATE_NOOP(
            "causes",
            "Check that the machine reaches it; where it has no network, put the "
            "files there before, or use an offline mode (HF_HUB_OFFLINE=1, "
            "WANDB_MODE=offline).",
        ),
    ),
    "checkpoint_mismatch": (
        QT_TRANSLATE_NOOP(
            "causes", "Build the model with the options that the checkpoint was made with."
        ),
    ),
    "damaged_file": (
        QT_TRANSLATE_NOOP(
            "causes", "Make or fetch the file anew. A pointer file of Git LFS looks like this too."
        ),
    ),
    "device_mismatch": (
        QT_TRANSLATE_NOOP(
            "causes", "Move the model and its input to the same device (`.to(device)`)."
        ),
    ),
    "shape_mismatch": (
        QT_TRANSLATE_NOOP("causes", "Look at the line of the code that the log names."),
    ),
    "usage": (QT_TRANSLATE_NOOP("causes", "Correct the command; `--help` says what it takes."),),
    "nccl_timeout": (
        QT_TRANSLATE_NOOP(
            "causes",
            "Look for the process that stopped first; all of them must take the same steps.",
        ),
    ),
    "nccl_error": (
        QT_TRANSLATE_NOOP(
            "causes", "Run it with NCCL_DEBUG=INFO; look for the process that failed first."
        ),
    ),
    "worker_killed": (
        QT_TRANSLATE_NOOP(
            "causes", "Use fewer workers and smaller batches; look at the machine's memory."
        ),
    ),
    "peer_lost": (QT_TRANSLATE_NOOP("causes", "Look at what ended there first."),),
    "interrupted": (QT_TRANSLATE_NOOP("causes", "Run it once more if nobody meant to."),),
    "child_failed": (QT_TRANSLATE_NOOP("causes", "Look at what that one printed, above this."),),
    "assertion": (QT_TRANSLATE_NOOP("causes", "Look at the line of the code that the log names."),),
    "exception": (QT_TRANSLATE_NOOP("causes", "Look at the line of the code that the log names."),),
    "illegal_instruction": (
        QT_TRANSLATE_NOOP("causes", "Install packages that were built for this CPU."),
    ),
    "aborted": (
        QT_TRANSLATE_NOOP(
            "causes", "Look at the end of its log, and at the compiled packages that it uses."
        ),
    ),
    "bus_error": (
        QT_TRANSLATE_NOOP(
            "causes",
            "Look whether a disk or /dev/shm was full, and whether a file was "
            "changed while it was read.",
        ),
    ),
    "arithmetic": (
        QT_TRANSLATE_NOOP(
            "causes", "Look at the end of its log, and at the compiled packages that it uses."
        ),
    ),
    "segfault": (
        QT_TRANSLATE_NOOP(
            "causes", "Look at the end of its log, and at the compiled packages that it uses."
        ),
    ),
    "own_time_limit": (QT_TRANSLATE_NOOP("causes", "Give it more time in its own command."),),
}
