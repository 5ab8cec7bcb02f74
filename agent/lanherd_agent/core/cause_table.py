"""The causes of a failure that a log can show. The order is that of a line that fits several."""

from lanherd_agent.core.cause_rules import Rule, rule

_LESS_VRAM = (
    "Use a smaller batch or model, or declare more VRAM, so that it is placed where there is as "
    "much."
)
_ASK_OWNER = "Tell the machine's owner; other GPUs are not touched by this."
_UPDATE = "Update the machine's driver, or use packages that were built for an older CUDA."
_FREE_DISK = "Make room there, or write to another disk."
_NETWORK = (
    "Check that the machine reaches it; where it has no network, put the files there before, or "
    "use an offline mode (HF_HUB_OFFLINE=1, WANDB_MODE=offline)."
)
_INSTALL_LIBRARY = (
    "Install the package of the system that has it, or a Python package that brings it along."
)

RULES: tuple[Rule, ...] = (
    # --- The GPU and its driver ------------------------------------------------------------------
    rule(
        "gpu_xid", "nvrm: xid",
        r"NVRM: Xid \(PCI:(?P<pci>[0-9A-Fa-f:.]{1,20})\): (?P<xid>\d{1,4})",
        "The driver reported Xid {xid} for the GPU at {pci}.", _ASK_OWNER, gpu=True,
    ),
    rule(
        "gpu_lost", "gpu is lost|fallen off the bus|gpu_is_lost|cuda_error_device_unavailable",
        r"(?i)GPU is lost|fallen off the bus|NVML_ERROR_GPU_IS_LOST|CUDA_ERROR_DEVICE_UNAVAILABLE",
        "The GPU was lost: the driver doesn't reach it any more.",
        "The machine may need a restart. " + _ASK_OWNER, gpu=True,
    ),
    rule(
        "gpu_ecc", "uncorrectable ecc|ecc_uncorrectable",
        r"(?i)uncorrectable ECC error|ECC_UNCORRECTABLE",
        "The GPU's memory had an error that ECC could not correct.", _ASK_OWNER, gpu=True,
    ),
    rule(
        "driver_mismatch", "version mismatch|driver_mismatch|unsupported display driver",
        r"Driver/library version mismatch|NVML/RM version mismatch|SYSTEM_DRIVER_MISMATCH"
        r"|unsupported display driver / cuda driver combination",
        "The machine's NVIDIA driver and its library are of different versions, as after an update "
        "without a restart.",
        "Restart the machine, or have its driver loaded anew.", gpu=True,
    ),
    rule(
        "driver_too_old",
        "driver version is insufficient|driver on your system is too old|unsupported toolchain"
        "|unsupported_ptx_version|forward compatibility was attempted",
        r"CUDA driver version is insufficient|driver on your system is too old"
        r"(?: \(found version (?P<found>[\d.]{1,20})\))?|PTX was compiled with an unsupported "
        r"toolchain|UNSUPPORTED_PTX_VERSION|forward compatibility was attempted",
        "Its packages need a newer NVIDIA driver than the machine has ({found}).", _UPDATE,
        plain="Its packages need a newer NVIDIA driver than the machine has.",
    ),
    rule(
        "gpu_unsupported", "no kernel image is available|is not compatible with the current"
        "|no_binary_for_gpu",
        r"no kernel image is available for execution|CUDA capability (?P<capability>sm_\d{1,4}a?) "
        r"is not compatible with the current|NO_BINARY_FOR_GPU",
        "Its packages were not built for this kind of GPU ({capability}).",
        "Install packages for this GPU's compute capability, or ask for another GPU (`--where`).",
        plain="Its packages were not built for this kind of GPU.",
    ),
    rule(
        "nvcc_arch", "unsupported gpu architecture",
        r"nvcc fatal\s{0,8}: Unsupported gpu architecture '(?P<arch>\w{1,40})'",
        "The machine's nvcc does not know the GPU architecture {arch}.",
        "Use a newer CUDA toolkit, or leave that architecture out (TORCH_CUDA_ARCH_LIST).",
    ),
    rule(
        "no_toolkit", "cuda_home environment variable is not set|nvcc: command not found"
        "|no such file or directory: 'nvcc'|/bin/nvcc'",
        r"CUDA_HOME environment variable is not set|nvcc: (?:command )?not found"
        r"|No such file or directory: '(?:[^' ]{0,200}/)?nvcc'",
        "It compiles for CUDA, but the machine's CUDA toolkit was not found.",
        "Install the toolkit and set CUDA_HOME, or use packages that are compiled already.",
    ),
    rule(
        "torch_without_cuda", "torch not compiled with cuda",
        r"Torch not compiled with CUDA enabled",
        "Its PyTorch was built without CUDA.",
        "Install the build of PyTorch for CUDA: its index is download.pytorch.org/whl/cu…",
    ),
    rule(
        "no_gpu", "no cuda gpus are available|found no nvidia driver|no cuda-capable device"
        "|cuda_error_no_device|torch.cuda.is_available() is false|cudaerrornodevice",
        r"(?i)No CUDA GPUs are available|Found no NVIDIA driver|no CUDA-capable device"
        r"|CUDA_ERROR_NO_DEVICE|torch\.cuda\.is_available\(\) is False|cudaErrorNoDevice",
        "It found no GPU to use.",
        "Ask for a GPU (`--gpus 1`); if it did, look at the machine's driver.",
    ),
    rule(
        "invalid_device", "invalid device ordinal|cuda_error_invalid_device",
        r"invalid device ordinal|CUDA_ERROR_INVALID_DEVICE",
        "It uses a GPU number that it was not given.",
        "Count GPUs from 0 among those that it was given, or ask for more of them.",
    ),
    rule(
        "out_of_vram",
        "cuda out of memory|outofmemoryerror|oom when allocating|resource_exhausted"
        "|cublas_status_alloc_failed|cudnn_status_alloc_failed|cuda_error_out_of_memory"
        "|cuda error: out of memory|cudamalloc failed|cudaerrormemoryallocation",
        r"CUDA out of memory\. Tried to allocate (?P<tried>[\d.,]{1,20} ?[KMGT]?i?B)"
        r"|cupy\S{0,60}OutOfMemoryError: Out of memory allocating "
        r"(?P<tried_cupy>[\d,]{1,24} bytes)"
        r"|RESOURCE_EXHAUSTED: Out of memory[^0-9]{0,60}(?P<tried_jax>\d{1,20}(?:\.\d{1,4})?\s?"
        r"(?:[KMGT]i?B|bytes))",
        "The GPU's memory ran out when it tried to allocate {tried}.", _LESS_VRAM,
        plain="The GPU's memory ran out.",
        bare=r"OutOfMemoryError: |OOM when allocating tensor|CUBLAS_STATUS_ALLOC_FAILED"
        r"|RESOURCE_EXHAUSTED: (?:Out of memory|OOM|Failed to allocate)|CUDNN_STATUS_ALLOC_FAILED"
        r"|CUDA_ERROR_OUT_OF_MEMORY|CUDA error: out of memory|cudaMalloc failed: out of memory"
        r"|cudaErrorMemoryAllocation",
    ),
    rule(
        "device_assert", "device-side assert|assertion `",
        r"(?:^|/)(?P<file>[\w.]{1,80}\.cuh?):(?P<line>\d{1,7}): .{0,400}"
        r"thread: \[\d{1,5},\d{1,5},\d{1,5}\] Assertion",
        "A check on the GPU failed ({file}, line {line}): often a label or index out of range.",
        "Run it with CUDA_LAUNCH_BLOCKING=1 to see which call it was.",
        plain="A check on the GPU failed: often a label or index out of range.",
        bare="device-side assert triggered",
    ),
    rule(
        "illegal_access", "illegal memory access|cuda_error_illegal_address",
        r"illegal memory access was encountered|CUDA_ERROR_ILLEGAL_ADDRESS",
        "A kernel read or wrote outside of its memory on the GPU.",
        "Run it with CUDA_LAUNCH_BLOCKING=1 to see which call it was.", gpu=True,
    ),
    rule(
        "cuda_fork", "cannot re-initialize cuda in forked",
        r"Cannot re-initialize CUDA in forked subprocess",
        "A process that was forked used CUDA, which its parent had begun to use.",
        "Start its processes by 'spawn' (multiprocessing.set_start_method).",
    ),
    rule(
        "cuda_error", "cuda error: |cudnn_status_|cublas_status_|cufft_|cuda_error_|cudaerror",
        r"(?P<error>CUDA error: [A-Za-z][\w ',-]{0,100}|(?:CUDNN|CUBLAS)_STATUS_[A-Z_]{3,60}"
        r"|CUDA_ERROR_[A-Z_]{3,60}|CUFFT_[A-Z_]{3,60}|cudaError[A-Z]\w{2,60})",
        "The GPU or its libraries reported: {error}.",
        "Run it once more; if it fails on one GPU only, tell the machine's owner.", gpu=True,
    ),
    # --- What it needs of the machine ------------------------------------------------------------
    rule(
        "shared_memory", "shared memory|/torch_|bus error",
        r"insufficient shared memory|unable to (?:write to file|open shared memory object"
        r"|mmap .{1,80}file) </?torch_|is killed by signal: Bus error"
        r"|torch_shm_manager.{0,200}No space left",
        "Its shared memory (/dev/shm) ran out, through which its data loader passes batches.",
        "Use fewer workers (num_workers), or have /dev/shm made larger.",
    ),
    rule(
        "disk_full", "no space left on device|errno 28|not enough free disk space",
        r"(?i)No space left on device: '(?P<path>[^']{1,300})'",
        "The disk is full: there was no room for {path}.", _FREE_DISK,
        plain="The disk is full.",
        bare=r"(?i)No space left on device|\[Errno 28\]|Not enough free disk space",
    ),
    rule(
        "quota", "quota exceeded|errno 122",
        r"(?i)quota exceeded: '(?P<path>[^']{1,300})'",
        "The disk quota of its user is used up: there was no room for {path}.", _FREE_DISK,
        plain="The disk quota of its user is used up.", bare=r"(?i)quota exceeded|\[Errno 122\]",
    ),
    rule(
        "read_only", "read-only file system|errno 30]",
        r"Read-only file system: '(?P<path>[^']{1,300})'",
        "It wrote to {path}, which is on a disk that can only be read.",
        "Write into the folder that LANHERD_OUTPUTS names.",
        plain="It wrote to a disk that can only be read.",
        bare=r"Read-only file system|\[Errno 30\]",
    ),
    rule(
        "disk_error", "input/output error|stale file handle|errno 5]|errno 116]",
        r"(?:Input/output error|Stale file handle): '(?P<path>[^']{1,300})'",
        "A disk or a network share failed: {path}.",
        "Look at the machine's disks and mounts, then run it once more.",
        plain="A disk or a network share failed.",
        bare=r"Input/output error|Stale file handle|\[Errno (?:5|116)\]",
    ),
    rule(
        "out_of_memory",
        "memoryerror|bad_alloc|cannot allocate memory|can't allocate memory|out of memory: killed"
        "|oom-kill|oom_kill|oom killer",
        r"Unable to allocate (?P<tried>[\d.]{1,20} [KMGTP]?i?B)"
        r"|you tried to allocate (?P<tried_cpu>\d{1,20} bytes)",
        "The machine's memory ran out when it tried to allocate {tried}.",
        "Load less at once, use fewer workers, or ask for a machine with more memory.",
        plain="The machine's memory ran out.",
        bare=r"^(?:[\w.]{1,80}\.)?_?(?:Array)?MemoryError(?::|$)|std::bad_alloc"
        r"|Cannot allocate memory|DefaultCPUAllocator: can't allocate memory"
        r"|Out of memory: Killed process|oom[-_]kill"
        r"|OOM Killer",
    ),
    rule(
        "too_many_files", "too many open files|errno 24]|received 0 items of ancdata",
        r"Too many open files|\[Errno 24\]|received 0 items of ancdata",
        "It had too many files open.",
        "Close files, or raise the limit (`ulimit -n`); for PyTorch's workers: "
        "torch.multiprocessing.set_sharing_strategy('file_system').",
    ),
    rule(
        "no_threads", "can't start new thread|resource temporarily unavailable"
        "|pthread_create failed",
        r"can't start new thread|pthread_create failed|fork: (?:retry: )?Resource temporarily "
        r"unavailable|BlockingIOError: \[Errno 11\] Resource temporarily unavailable"
        r"|can't be run: .{1,300}: Resource temporarily unavailable",
        "It could not start another process or thread: a limit of its user is reached.",
        "Use fewer workers and threads (OMP_NUM_THREADS), or raise the limit (`ulimit -u`).",
    ),
    # --- Programs and packages -------------------------------------------------------------------
    rule(
        "bad_interpreter", "bad interpreter|required file not found|exec format error"
        "|cannot execute binary file",
        r"(?:^|: )(?P<file>[^\s:]{1,300}): (?P<interpreter>[^\s:]{1,200}): bad interpreter",
        "{file} can't be executed: its first line names {interpreter}, which is not there.",
        "Name an interpreter that the machine has, or build the program for this machine.",
        plain="The program can't be executed: it is for another kind of machine, or the "
        "interpreter that its first line names is not there.",
        bare=r"bad interpreter|cannot execute: required file not found|Exec format error"
        r"|cannot execute binary file",
    ),
    rule(
        "command_not_found", "command not found|: not found|no such file or directory",
        r"(?:^|: )(?P<command>[^\s:]{1,200}): command not found"
        r"|: (?P<command_sh>[^\s:]{1,200}): not found$"
        r"|env: \W{1,3}(?P<command_env>[\w./+-]{1,200})\W{1,3}: No such file or directory",
        "The machine has no command {command}.",
        "Install it, add it to the environment of the run, or name it with its whole path.",
    ),
    rule(
        "missing_module", "no module named",
        r"(?:ModuleNotFoundError|ImportError|: Error while finding module specification).{0,80}"
        r"No module named '?(?P<module>[\w.]{1,200})"
        r"|: No module named '?(?P<module_m>[\w.]{1,200})",
        "The Python module {module} is not in its environment.",
        "Add the package {package} to the project's dependencies and lock them anew.",
    ),
    rule(
        "missing_library", "cannot open shared object file|library not loaded",
        r"(?:^|[\s:'\"(/])(?P<library>[\w.+-]{1,120}\.so[.\d]{0,20}): cannot open shared object "
        r"file|cannot open shared object file",
        "The shared library {library} was not found.", _INSTALL_LIBRARY,
        plain="A shared library was not found.",
    ),
    rule(
        "library_mismatch", "undefined symbol|' not found (required by|numpy.dtype size changed"
        "|_array_api not found|a module that was compiled using numpy",
        r"undefined symbol: (?P<name>[\w@.]{1,200})|version [`'](?P<version>[\w.]{1,60})' not found"
        r"|numpy\.dtype size changed|A module that was compiled using NumPy",
        "Two of its libraries don't fit each other: {name} is missing.",
        "Lock versions that belong together, and build compiled packages anew.",
        plain="Two of its libraries don't fit each other.",
    ),
    rule(
        "import_failed", "cannot import name",
        r"ImportError: cannot import name '(?P<name>[\w.]{1,200})'"
        r"(?: from (?:partially initialized module )?'(?P<module>[\w.]{1,200})')?",
        "{module} has no {name}: another version of it is installed than the code was written for.",
        "Lock the version that the code needs; look for a file of the project with that name too.",
        plain="A name could not be imported: another version is installed than the code was "
        "written for.",
    ),
    rule(
        "syntax_error", "syntaxerror|indentationerror|taberror|syntax error",
        r"^(?:Syntax|Indentation|Tab)Error: (?P<what>.{1,200})$"
        r"|: line \d{1,7}: (?P<what_sh>syntax error .{1,160})",
        "The code has a syntax error: {what}.",
        "Correct it; an older Python refuses newer syntax too.",
    ),
    # --- Names, files, rights --------------------------------------------------------------------
    rule(
        "missing_variable", "unbound variable|parameter null or not set|parameter not set",
        r": (?P<name>[A-Za-z_]\w{0,100}): (?:unbound variable|parameter (?:null or )?not set)",
        "The environment variable {name} is not set.",
        "Give it with the run (`--env NAME=VALUE`), or as a secret.",
    ),
    rule(
        "permission", "permission denied|errno 13]|operation not permitted|permissionerror",
        r"Permission denied: '(?P<path>[^']{1,300})'"
        r"|: (?P<path_sh>[^\s:]{1,300}): Permission denied",
        "It may not use {path}.",
        "Change the owner or mode of the file (`chmod +x` for a program), or use another path.",
        plain="It was not allowed to use a file.", bare="PermissionError: |: Permission denied",
    ),
    rule(
        "file_not_found", "no such file or directory|filenotfounderror",
        r"No such file or directory: b?['\"](?P<path>[^'\"]{1,300})['\"]"
        r"|can't open file '(?P<path_py>[^']{1,300})'"
        r"|(?:^|: )'?(?P<path_sh>[^\s:']{1,300})'?: No such file or directory$",
        "There is no file {path}.",
        "Check the path: files outside of the project are not sent with the run.",
        plain="A file is not there: {what}", bare=r"FileNotFoundError: (?P<what>.{1,200})",
    ),
    # --- The network -----------------------------------------------------------------------------
    rule(
        "port_in_use", "address already in use|eaddrinuse|errno 98]",
        r"(?:port:? |:)(?P<port>\d{2,5})\b.{0,200}(?:[Aa]ddress already in use|EADDRINUSE)"
        r"|EADDRINUSE.{0,200}port:? (?P<port_after>\d{1,5})",
        "Port {port} is in use by another process.",
        "Use port 0 (any), or another one: `--master-port` for torchrun.",
        plain="A port that it wanted is in use by another process.",
        bare=r"[Aa]ddress already in use|EADDRINUSE|\[Errno 98\]",
    ),
    rule(
        "not_authorised", "gatedrepoerror|gated repo|401 client error|403 client error"
        "|access to model|api_key not configured|invalid user token|invalid username or password",
        r"40[13] Client Error.{0,200}for url: https?://(?P<host>[\w.-]{1,200})",
        "{host} refused it: it is not logged in there, or may not use this.",
        "Ask for access there, and give the run the token as a secret (HF_TOKEN, WANDB_API_KEY).",
        plain="A server refused it: it is not logged in there, or may not use this.",
        bare=r"GatedRepoError|gated repo|40[13] Client Error|Access to model .{1,200} is restricted"
        r"|api_key not configured|Invalid user token|Invalid username or password",
    ),
    rule(
        "no_network", "name resolution|name or service not known|could not resolve host"
        "|network is unreachable|no route to host|failed to resolve|nodename nor servname",
        r"(?:Could not resolve host:|Failed to resolve) '?(?P<host>[\w.-]{1,200})"
        r"|host='(?P<host_py>[\w.-]{1,200})'.{0,400}(?:name resolution|Name or service not known"
        r"|Network is unreachable|No route to host)",
        "The machine could not reach {host}.", _NETWORK,
        plain="The machine could not reach a server.",
        bare=r"name resolution|Name or service not known|Could not resolve host|No route to host"
        r"|Network is unreachable|nodename nor servname",
    ),
    rule(
        "connection_refused", "connection refused|connectionrefusederror|econnrefused",
        r"host='(?P<host>[\w.-]{1,200})'.{0,400}Connection refused",
        "{host} refused the connection: nothing listens there.",
        "Start that server before, and check its address and port.",
        plain="A connection was refused: nothing listens there.",
        bare="Connection refused|ConnectionRefusedError|ECONNREFUSED",
    ),
    rule(
        "network_timeout", "connecttimeout|readtimeout|connection timed out|read timed out"
        "|connect timeout",
        r"ConnectTimeout|ReadTimeout|Connection timed out|Read timed out|connect timeout",
        "A server did not answer in time.", _NETWORK,
    ),
    # --- Its own data and words ------------------------------------------------------------------
    rule(
        "checkpoint_mismatch", "size mismatch for",
        r"size mismatch for (?P<name>[\w.]{1,200})",
        "The checkpoint doesn't fit the model: {name} has another shape.",
        "Build the model with the options that the checkpoint was made with.",
    ),
    rule(
        "checkpoint_mismatch", "error(s) in loading state_dict",
        r"Error\(s\) in loading state_dict for (?P<model>\w{1,100})",
        "The checkpoint doesn't fit the model {model}.",
        "Build the model with the options that the checkpoint was made with.", kind="error",
    ),
    rule(
        "damaged_file", "pytorchstreamreader failed|error while deserializing header"
        "|ran out of input|unpicklingerror|not a zip file|invalid header or archive",
        r"PytorchStreamReader failed|Error while deserializing header|EOFError: Ran out of input"
        r"|UnpicklingError|BadZipFile|invalid header or archive",
        "A file that it loads is damaged, or of another kind: cut short while it was written, say.",
        "Make or fetch the file anew. A pointer file of Git LFS looks like this too.",
    ),
    rule(
        "device_mismatch", "expected all tensors to be on the same device|should be the same",
        r"Expected all tensors to be on the same device|Input type .{1,80} and weight type .{1,80} "
        r"should be the same",
        "Tensors that it uses together are on different devices.",
        "Move the model and its input to the same device (`.to(device)`).",
    ),
    rule(
        "shape_mismatch", "shapes cannot be multiplied|must match the size of tensor"
        "|operands could not be broadcast",
        r"(?P<what>mat1 and mat2 shapes cannot be multiplied \([^)]{1,60}\)|The size of tensor a "
        r"\(\d{1,12}\) must match the size of tensor b \(\d{1,12}\)"
        r"|operands could not be broadcast together with shapes [(),\d ]{1,80})",
        "Shapes don't fit: {what}.", "Look at the line of the code that the log names.",
    ),
    rule(
        "usage", ": error: |error: no such option|error: missing|error: invalid value|error: got ",
        r"^(?P<program>[^\s:]{1,100}(?: [\w-]{1,40})?): error: (?P<what>.{1,300})$"
        r"|^Error: (?P<what_click>(?:No such|Missing|Invalid value|Got ).{1,300})$",
        "The command's arguments are not as it takes them: {what}.",
        "Correct the command; `--help` says what it takes.", exit_code=2,
    ),
    # --- What others notice ----------------------------------------------------------------------
    rule(
        "nccl_timeout", "collective operation timeout|watchdog caught collective"
        "|timed out waiting for clients|socket timeout",
        r"Watchdog caught collective operation timeout"
        r"|collective operation timeout: .{0,200}ran for"
        r"|Timed out after \d{1,9} seconds waiting for clients|DistStoreError: .{0,80}[Tt]imed out",
        "A process waited too long for the others in a collective operation (NCCL).",
        "Look for the process that stopped first; all of them must take the same steps.",
        kind="symptom", gpu=True,
    ),
    rule(
        "nccl_error", "nccl error|ncclsystemerror|ncclinternalerror|ncclunhandledcudaerror"
        "|ncclremoteerror|ncclinvalidusage",
        r"NCCL error|nccl(?P<error>System|Internal|UnhandledCuda|Remote|InvalidUsage)Error",
        "The processes could not talk to each other (NCCL).",
        "Run it with NCCL_DEBUG=INFO; look for the process that failed first.",
        kind="symptom", gpu=True,
    ),
    rule(
        "worker_killed", "dataloader worker|sigkill|terminated abruptly|signal 9",
        r"DataLoader worker \(pid(?:\(s\))? (?P<pid>[\d, ]{1,100})\) "
        r"(?:exited unexpectedly|is killed by signal)"
        r"|Signal 9 \(SIGKILL\) received by PID (?P<pid_torch>\d{1,9})"
        r"|terminated abruptly while the future was running|terminated with signal SIGKILL",
        "A process that it had started was killed (pid {pid}): often since memory ran out.",
        "Use fewer workers and smaller batches; look at the machine's memory.",
        plain="A process that it had started was killed: often since memory ran out.",
        kind="symptom",
    ),
    rule(
        "peer_lost", "connection reset by peer|broken pipe|connection closed by peer",
        r"Connection reset by peer|Broken pipe|Connection closed by peer",
        "The other side of a connection went away.",
        "Look at what ended there first.", kind="symptom",
    ),
    rule(
        "interrupted", "keyboardinterrupt|signalexception",
        r"^KeyboardInterrupt|SignalException: Process \d{1,9} got signal: (?P<signal>\d{1,3})",
        "It was interrupted, as by Ctrl+C.", "Run it once more if nobody meant to.",
        kind="symptom",
    ),
    rule(
        "child_failed", "childfailederror|calledprocesserror|non-zero exit status|ninja: build "
        "stopped|error compiling objects|processexitedexception|subprocess-exited-with-error",
        r"ChildFailedError|CalledProcessError|returned non-zero exit status (?P<exit>\d{1,3})"
        r"|ninja: build stopped|Error compiling objects for extension|ProcessExitedException"
        r"|subprocess-exited-with-error",
        "A command that it had started failed.", "Look at what that one printed, above this.",
        kind="wrapper",
    ),
    rule(
        "assertion", "assertionerror", r"^AssertionError(?:: (?P<what>.{1,300}))?$",
        "A check in the code failed: {what}.", "Look at the line of the code that the log names.",
        plain="A check in the code failed.", kind="error",
    ),
)  # fmt: skip
