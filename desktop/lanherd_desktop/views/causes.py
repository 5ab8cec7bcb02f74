"""The sentences of every cause that the end of a log can show, as sources of translations.

They are the agent's own, in the order in which it tries them: which of several was said is known by
its words.
"""

from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP

CAUSES: dict[str, tuple[str, ...]] = {
    "gpu_xid": (
        QT_TRANSLATE_NOOP("causes", "The driver reported Xid {xid} for the GPU at {pci}."),
        QT_TRANSLATE_NOOP(
            "causes", "The driver reported Xid {xid} for its GPU {gpu} while it ran."
        ),
    ),
    "gpu_lost": (
        QT_TRANSLATE_NOOP("causes", "The GPU was lost: the driver doesn't reach it any more."),
        QT_TRANSLATE_NOOP(
            "causes",
            "Its GPU {gpu} was lost while it ran: the driver doesn't reach it any more.",
        ),
    ),
    "gpu_ecc": (
        QT_TRANSLATE_NOOP("causes", "The GPU's memory had an error that ECC could not correct."),
        QT_TRANSLATE_NOOP(
            "causes",
            "The memory of its GPU {gpu} had an error that ECC could not correct while it ran.",
        ),
    ),
    "driver_mismatch": (
        QT_TRANSLATE_NOOP(
            "causes",
            "The machine's NVIDIA driver and its library are of different versions, "
            "as after an update without a restart.",
        ),
    ),
    "driver_too_old": (
        QT_TRANSLATE_NOOP(
            "causes", "Its packages need a newer NVIDIA driver than the machine has ({found})."
        ),
        QT_TRANSLATE_NOOP(
            "causes", "Its packages need a newer NVIDIA driver than the machine has."
        ),
    ),
    "gpu_unsupported": (
        QT_TRANSLATE_NOOP(
            "causes", "Its packages were not built for this kind of GPU ({capability})."
        ),
        QT_TRANSLATE_NOOP("causes", "Its packages were not built for this kind of GPU."),
    ),
    "nvcc_arch": (
        QT_TRANSLATE_NOOP(
            "causes", "The machine's nvcc does not know the GPU architecture {arch}."
        ),
    ),
    "no_toolkit": (
        QT_TRANSLATE_NOOP(
            "causes", "It compiles for CUDA, but the machine's CUDA toolkit was not found."
        ),
    ),
    "torch_without_cuda": (QT_TRANSLATE_NOOP("causes", "Its PyTorch was built without CUDA."),),
    "no_gpu": (QT_TRANSLATE_NOOP("causes", "It found no GPU to use."),),
    "invalid_device": (QT_TRANSLATE_NOOP("causes", "It uses a GPU number that it was not given."),),
    "out_of_vram": (
        QT_TRANSLATE_NOOP("causes", "The GPU's memory ran out when it tried to allocate {tried}."),
        QT_TRANSLATE_NOOP("causes", "The GPU's memory ran out."),
    ),
    "device_assert": (
        QT_TRANSLATE_NOOP(
            "causes",
            "A check on the GPU failed ({file}, line {line}): often a label or index out of range.",
        ),
        QT_TRANSLATE_NOOP(
            "causes", "A check on the GPU failed: often a label or index out of range."
        ),
    ),
    "illegal_access": (
        QT_TRANSLATE_NOOP("causes", "A kernel read or wrote outside of its memory on the GPU."),
    ),
    "cuda_fork": (
        QT_TRANSLATE_NOOP(
            "causes", "A process that was forked used CUDA, which its parent had begun to use."
        ),
    ),
    "cuda_error": (QT_TRANSLATE_NOOP("causes", "The GPU or its libraries reported: {error}."),),
    "shared_memory": (
        QT_TRANSLATE_NOOP(
            "causes",
            "Its shared memory (/dev/shm) ran out, through which its data loader passes batches.",
        ),
    ),
    "disk_full": (
        QT_TRANSLATE_NOOP("causes", "The disk is full: there was no room for {path}."),
        QT_TRANSLATE_NOOP("causes", "The disk is full."),
    ),
    "quota": (
        QT_TRANSLATE_NOOP(
            "causes", "The disk quota of its user is used up: there was no room for {path}."
        ),
        QT_TRANSLATE_NOOP("causes", "The disk quota of its user is used up."),
    ),
    "read_only": (
        QT_TRANSLATE_NOOP(
            "causes", "It wrote to {path}, which is on a disk that can only be read."
        ),
        QT_TRANSLATE_NOOP("causes", "It wrote to a disk that can only be read."),
    ),
    "disk_error": (
        QT_TRANSLATE_NOOP("causes", "A disk or a network share failed: {path}."),
        QT_TRANSLATE_NOOP("causes", "A disk or a network share failed."),
    ),
    "out_of_memory": (
        QT_TRANSLATE_NOOP(
            "causes", "The machine's memory ran out when it tried to allocate {tried}."
        ),
        QT_TRANSLATE_NOOP("causes", "The machine's memory ran out."),
        QT_TRANSLATE_NOOP("causes", "The machine's memory ran out, and the kernel killed it."),
        QT_TRANSLATE_NOOP(
            "causes", "The machine's memory ran out, and the kernel killed a process of it."
        ),
        QT_TRANSLATE_NOOP(
            "causes",
            "It was killed as memory ran out: the kernel killed a process of Lanherd's runs then.",
        ),
        QT_TRANSLATE_NOOP(
            "causes",
            "It was killed, and the machine's memory ran out while it ran: perhaps the kernel "
            "killed it for that.",
        ),
    ),
    "too_many_files": (QT_TRANSLATE_NOOP("causes", "It had too many files open."),),
    "no_threads": (
        QT_TRANSLATE_NOOP(
            "causes",
            "It could not start another process or thread: a limit of its user is reached.",
        ),
    ),
    "bad_interpreter": (
        QT_TRANSLATE_NOOP(
            "causes",
            "{file} can't be executed: its first line names {interpreter}, which is not there.",
        ),
        QT_TRANSLATE_NOOP(
            "causes",
            "The program can't be executed: it is for another kind of machine, or "
            "the interpreter that its first line names is not there.",
        ),
    ),
    "command_not_found": (
        QT_TRANSLATE_NOOP("causes", "The machine has no command {command}."),
        QT_TRANSLATE_NOOP(
            "causes", "A program that it wanted to execute is not there (exit code 127)."
        ),
    ),
    "missing_module": (
        QT_TRANSLATE_NOOP("causes", "The Python module {module} is not in its environment."),
    ),
    "missing_library": (
        QT_TRANSLATE_NOOP("causes", "The shared library {library} was not found."),
        QT_TRANSLATE_NOOP("causes", "A shared library was not found."),
    ),
    "library_mismatch": (
        QT_TRANSLATE_NOOP(
            "causes", "Two of its libraries don't fit each other: {name} is missing."
        ),
        QT_TRANSLATE_NOOP("causes", "Two of its libraries don't fit each other."),
    ),
    "import_failed": (
        QT_TRANSLATE_NOOP(
            "causes",
            "{module} has no {name}: another version of it is installed than the "
            "code was written for.",
        ),
        QT_TRANSLATE_NOOP(
            "causes",
            "A name could not be imported: another version is installed than the "
            "code was written for.",
        ),
    ),
    "syntax_error": (QT_TRANSLATE_NOOP("causes", "The code has a syntax error: {what}."),),
    "missing_variable": (
        QT_TRANSLATE_NOOP("causes", "The environment variable {name} is not set."),
    ),
    "permission": (
        QT_TRANSLATE_NOOP("causes", "It may not use {path}."),
        QT_TRANSLATE_NOOP("causes", "It was not allowed to use a file."),
        QT_TRANSLATE_NOOP("causes", "Its program may not be executed (exit code 126)."),
    ),
    "file_not_found": (
        QT_TRANSLATE_NOOP("causes", "There is no file {path}."),
        QT_TRANSLATE_NOOP("causes", "A file is not there: {what}"),
    ),
    "port_in_use": (
        QT_TRANSLATE_NOOP("causes", "Port {port} is in use by another process."),
        QT_TRANSLATE_NOOP("causes", "A port that it wanted is in use by another process."),
    ),
    "not_authorised": (
        QT_TRANSLATE_NOOP(
            "causes", "{host} refused it: it is not logged in there, or may not use this."
        ),
        QT_TRANSLATE_NOOP(
            "causes", "A server refused it: it is not logged in there, or may not use this."
        ),
    ),
    "no_network": (
        QT_TRANSLATE_NOOP("causes", "The machine could not reach {host}."),
        QT_TRANSLATE_NOOP("causes", "The machine could not reach a server."),
    ),
    "connection_refused": (
        QT_TRANSLATE_NOOP("causes", "{host} refused the connection: nothing listens there."),
        QT_TRANSLATE_NOOP("causes", "A connection was refused: nothing listens there."),
    ),
    "network_timeout": (QT_TRANSLATE_NOOP("causes", "A server did not answer in time."),),
    "checkpoint_mismatch": (
        QT_TRANSLATE_NOOP(
            "causes", "The checkpoint doesn't fit the model: {name} has another shape."
        ),
        QT_TRANSLATE_NOOP("causes", "The checkpoint doesn't fit the model {model}."),
    ),
    "damaged_file": (
        QT_TRANSLATE_NOOP(
            "causes",
            "A file that it loads is damaged, or of another kind: cut short while it "
            "was written, say.",
        ),
    ),
    "device_mismatch": (
        QT_TRANSLATE_NOOP("causes", "Tensors that it uses together are on different devices."),
    ),
    "shape_mismatch": (QT_TRANSLATE_NOOP("causes", "Shapes don't fit: {what}."),),
    "usage": (
        QT_TRANSLATE_NOOP("causes", "The command's arguments are not as it takes them: {what}."),
    ),
    "nccl_timeout": (
        QT_TRANSLATE_NOOP(
            "causes", "A process waited too long for the others in a collective operation (NCCL)."
        ),
    ),
    "nccl_error": (
        QT_TRANSLATE_NOOP("causes", "The processes could not talk to each other (NCCL)."),
    ),
    "worker_killed": (
        QT_TRANSLATE_NOOP(
            "causes",
            "A process that it had started was killed (pid {pid}): often since memory ran out.",
        ),
        QT_TRANSLATE_NOOP(
            "causes", "A process that it had started was killed: often since memory ran out."
        ),
    ),
    "peer_lost": (QT_TRANSLATE_NOOP("causes", "The other side of a connection went away."),),
    "interrupted": (QT_TRANSLATE_NOOP("causes", "It was interrupted, as by Ctrl+C."),),
    "child_failed": (QT_TRANSLATE_NOOP("causes", "A command that it had started failed."),),
    "assertion": (
        QT_TRANSLATE_NOOP("causes", "A check in the code failed: {what}."),
        QT_TRANSLATE_NOOP("causes", "A check in the code failed."),
    ),
    "exception": (
        QT_TRANSLATE_NOOP("causes", "Ended by {exception}: {what}"),
        QT_TRANSLATE_NOOP("causes", "Ended by {exception}."),
    ),
    "illegal_instruction": (
        QT_TRANSLATE_NOOP(
            "causes", "It used an instruction that this machine's CPU does not have."
        ),
    ),
    "aborted": (
        QT_TRANSLATE_NOOP(
            "causes", "It ended itself after an error that it could not go on from (SIGABRT)."
        ),
    ),
    "bus_error": (QT_TRANSLATE_NOOP("causes", "It used memory that was not there (SIGBUS)."),),
    "arithmetic": (
        QT_TRANSLATE_NOOP(
            "causes", "It computed what can't be computed, such as a division by 0 (SIGFPE)."
        ),
    ),
    "segfault": (
        QT_TRANSLATE_NOOP(
            "causes", "It used memory that is not its own (SIGSEGV, a segmentation fault)."
        ),
    ),
    "own_time_limit": (
        QT_TRANSLATE_NOOP(
            "causes", "It ended with exit code 124, as `timeout` does when its time is over."
        ),
    ),
}
