"""The sentences of every reason that a machine gives, as sources of translations.

A machine's own sentence is English and stands as it is where the window speaks English. `{run}`,
`{kind}`, `{outcome}` and values whose names end in `_s` or `_bytes` are said as people say them.
"""

from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP
from lanherd_desktop.views.ends import POST_FAILED, PRE_FAILED

REASONS: dict[str, str] = {
    "in_line": QT_TRANSLATE_NOOP("reasons", "Waits its turn."),
    "ready": QT_TRANSLATE_NOOP("reasons", "Ready to start."),
    "unprepared": QT_TRANSLATE_NOOP("reasons", "Waits for its environment to be built."),
    "no_readings": QT_TRANSLATE_NOOP("reasons", "The machine's GPUs have not been read yet."),
    "runs_at_once": QT_TRANSLATE_NOOP(
        "reasons", "{live} runs are live, the most that this machine takes at once."
    ),
    "kept_for_earlier": QT_TRANSLATE_NOOP(
        "reasons", "GPU {gpu} has room, but is kept for a run that is ahead in the line."
    ),
    "gpu_unavailable": QT_TRANSLATE_NOOP("reasons", "GPU {gpu} can't be used now: {problem}"),
    "gpu_missing": QT_TRANSLATE_NOOP(
        "reasons", "Needs {needs_gpus} GPUs; the machine has {gpus} now."
    ),
    "gpu_busy": QT_TRANSLATE_NOOP("reasons", "Needs a GPU for itself; GPU {gpu} is in use."),
    "gpu_exclusive": QT_TRANSLATE_NOOP(
        "reasons", "GPU {gpu} is held by a run that has it for itself."
    ),
    "gpu_vram": QT_TRANSLATE_NOOP("reasons", "GPU {gpu}: {free} of {total} free, needs {needs}."),
    "gpu_undeclared": QT_TRANSLATE_NOOP(
        "reasons",
        "Declares no VRAM, so it needs a GPU to itself; GPU {gpu}: {free} of {total} free.",
    ),
    "too_few_gpus": QT_TRANSLATE_NOOP(
        "reasons", "{free_gpus} of the {needs_gpus} GPUs that it needs are free."
    ),
    "succeeded": QT_TRANSLATE_NOOP("reasons", "Ended with exit code 0."),
    "cancelled": QT_TRANSLATE_NOOP("reasons", "Cancelled before it was started."),
    "stopped": QT_TRANSLATE_NOOP("reasons", "Stopped as asked."),
    "stop_asked": QT_TRANSLATE_NOOP("reasons", "It was asked to stop, and is over."),
    "exit_code": QT_TRANSLATE_NOOP("reasons", "Ended with exit code {exit_code}."),
    "signal": QT_TRANSLATE_NOOP("reasons", "Ended by signal {signal}, which Lanherd did not send."),
    "exit_unknown": QT_TRANSLATE_NOOP("reasons", "It is over, but how it ended is not known."),
    "pre_failed": QT_TRANSLATE_NOOP(
        "reasons", "Its pre command did not succeed, so the command was not begun."
    ),
    "timed_out": QT_TRANSLATE_NOOP("reasons", "Its time limit of {limit_s} was reached."),
    "dependency_failed": QT_TRANSLATE_NOOP(
        "reasons", "It waited for run {run} to succeed, but that one ended so: {outcome}."
    ),
    "cancelled_between": QT_TRANSLATE_NOOP(
        "reasons", "Cancelled before its next attempt was started."
    ),
    "lost_reboot": QT_TRANSLATE_NOOP("reasons", "The machine was restarted while it ran."),
    "lost_unknown": QT_TRANSLATE_NOOP("reasons", "How it ended is not known."),
    "lost_untrusted": QT_TRANSLATE_NOOP("reasons", "Its run directory can't be trusted."),
    "lost_gone": QT_TRANSLATE_NOOP("reasons", "Its run directory is gone."),
    "held": QT_TRANSLATE_NOOP("reasons", "It is held back."),
    "waits_for": QT_TRANSLATE_NOOP("reasons", "Waits for run {run} {kind}."),
    "backoff": QT_TRANSLATE_NOOP(
        "reasons",
        "Waits a while before attempt {attempt} of {attempts_max}; the last one ended so: "
        "{outcome}.",
    ),
    "low_disk": QT_TRANSLATE_NOOP(
        "reasons", "The machine's disk has {free} free; no run is started below {low}."
    ),
    "nothing_kept": QT_TRANSLATE_NOOP(
        "reasons", "The agent's records can't be written: nothing that happens now is kept."
    ),
    "records_rebuilt": QT_TRANSLATE_NOOP(
        "reasons",
        "The agent's records were damaged or gone, and were made anew from the directories of "
        "{runs} runs.",
    ),
    "run_directory_untrusted": QT_TRANSLATE_NOOP(
        "reasons", "The files of run {run} are left alone. {why}"
    ),
    "retention_age": QT_TRANSLATE_NOOP(
        "reasons", "It ended {age_s} ago; files are kept for {age_s_max}."
    ),
    "retention_count": QT_TRANSLATE_NOOP(
        "reasons", "Files are kept of the newest {runs_max} that ended."
    ),
    "retention_size": QT_TRANSLATE_NOOP(
        "reasons", "Files take {size}; they are kept up to {bytes_max}."
    ),
    "retention_free_space": QT_TRANSLATE_NOOP(
        "reasons", "The disk has {free} free; {free_bytes_min} shall stay free."
    ),
    "retention_not_applied": QT_TRANSLATE_NOOP(
        "reasons", "The rules of retention can't be applied now: {why}"
    ),
    "retention_not_measured": QT_TRANSLATE_NOOP(
        "reasons",
        "The files of some runs ({runs}) can't be read, so retention leaves them alone: {why}",
    ),
    "paused": QT_TRANSLATE_NOOP("reasons", "No run starts on this machine now: it is paused."),
    "paused_tag": QT_TRANSLATE_NOOP(
        "reasons", "No run with the tag {tag} starts here now: it is paused."
    ),
    "out_of_hours": QT_TRANSLATE_NOOP(
        "reasons",
        "Runs start here only at the owner's hours; the next begin in about {opens_about_s}.",
    ),
    "power": QT_TRANSLATE_NOOP(
        "reasons", "The GPUs draw {power_w} W; no run starts above {power_w_max} W."
    ),
    "share_full": QT_TRANSLATE_NOOP(
        "reasons", "Runs of {name} hold {gpus} of the {gpus_max} GPUs that they may have here."
    ),
    "behind_share": QT_TRANSLATE_NOOP(
        "reasons", "A run of {name} ahead of it waits for the GPUs that they may have here."
    ),
    "kept_free": QT_TRANSLATE_NOOP(
        "reasons", "{gpus} GPUs have no run, but the machine's rules keep them."
    ),
    "gpu_cordoned": QT_TRANSLATE_NOOP(
        "reasons", "GPU {gpu} takes no run until somebody releases it: {why}"
    ),
    "gpu_not_allowed": QT_TRANSLATE_NOOP(
        "reasons", "The machine's rules don't let runs use GPU {gpu}."
    ),
    "gpu_backoff": QT_TRANSLATE_NOOP(
        "reasons", "{runs} runs in a row failed on GPU {gpu}; it takes none for about {about_s}."
    ),
    "gpu_hot": QT_TRANSLATE_NOOP(
        "reasons", "GPU {gpu} was above {temperature_c_max} °C and has to cool down first."
    ),
    "gpu_others": QT_TRANSLATE_NOOP(
        "reasons", "Waits until others are gone from GPU {gpu}, who hold {foreign}."
    ),
    "gpu_quiet": QT_TRANSLATE_NOOP(
        "reasons", "Others have left GPU {gpu} a moment ago; it is watched a little longer."
    ),
    "no_match": QT_TRANSLATE_NOOP(
        "reasons", "{gpus} GPUs match {where}, and it needs {needs_gpus}."
    ),
    "no_instance": QT_TRANSLATE_NOOP(
        "reasons", "Needs {needs_gpus} MIG instances of {profile}; the machine has {gpus} now."
    ),
    "rules_forbid": QT_TRANSLATE_NOOP(
        "reasons", "Needs {needs_gpus} GPUs, which the machine's rules never let it have."
    ),
    "host_cpu": QT_TRANSLATE_NOOP("reasons", "{free} CPU cores are not promised; needs {needs}."),
    "host_memory": QT_TRANSLATE_NOOP(
        "reasons", "{free} of the machine's memory is not promised; needs {needs}."
    ),
    "host_disk": QT_TRANSLATE_NOOP(
        "reasons", "{free} of the machine's disk is not promised; needs {needs}."
    ),
    "needs_limit": QT_TRANSLATE_NOOP(
        "reasons",
        "There is room, but without a time limit it might delay a run that is ahead of it.",
    ),
    "kept_for_first": QT_TRANSLATE_NOOP(
        "reasons", "There is room, but it would not be over before a run ahead of it needs it."
    ),
    "over_use": QT_TRANSLATE_NOOP(
        "reasons", "It holds {used} of GPU {gpu}, and was promised {promised}."
    ),
    "over_use_stopped": QT_TRANSLATE_NOOP(
        "reasons",
        "It held {used} of GPU {gpu}, was promised {promised}, and the machine's rules stop such "
        "runs.",
    ),
    "cordon_xid": QT_TRANSLATE_NOOP("reasons", "The driver reported Xid {xid} for it: {what}."),
    "cordon_ecc": QT_TRANSLATE_NOOP(
        "reasons", "Its memory had {new_errors} errors that ECC could not correct."
    ),
    "cordon_driver": QT_TRANSLATE_NOOP(
        "reasons", "Its driver and the driver's library don't fit each other: {problem}"
    ),
    "cordon_lost": QT_TRANSLATE_NOOP("reasons", "The driver doesn't reach it any more: {problem}"),
    "cordon_unreadable": QT_TRANSLATE_NOOP("reasons", "It can't be read: {problem}"),
    "cordon_failures": QT_TRANSLATE_NOOP(
        "reasons", "{failures} runs in a row failed on it, and hardly any on other GPUs."
    ),
    "cordon_person": QT_TRANSLATE_NOOP("reasons", "{by} closed it."),
    "rules_broken": QT_TRANSLATE_NOOP(
        "reasons", "The rules file is kept out, since its line {line} is wrong."
    ),
    "rules_gpu_missing": QT_TRANSLATE_NOOP(
        "reasons", "The rules name GPU {gpus}, which the machine doesn't have now."
    ),
    "rules_not_copied": QT_TRANSLATE_NOOP(
        "reasons", "The rules hold, but no copy of them could be kept: {why}."
    ),
}

VARIANTS: dict[str, tuple[str, ...]] = {
    "no_readings": (
        QT_TRANSLATE_NOOP("reasons", "The machine's GPUs have not been read yet: {problem}"),
    ),
    "gpu_exclusive": (
        QT_TRANSLATE_NOOP("reasons", "GPU {gpu} is held by run {run}, which has it for itself."),
    ),
    "kept_for_earlier": (
        QT_TRANSLATE_NOOP(
            "reasons",
            "GPU {gpu} has room, but is kept for run {run}, which is ahead in the line.",
        ),
    ),
    "needs_limit": (
        QT_TRANSLATE_NOOP(
            "reasons",
            "There is room, but without a time limit it might delay run {run}, which is ahead.",
        ),
    ),
    "kept_for_first": (
        QT_TRANSLATE_NOOP(
            "reasons",
            "There is room, but it would not be over before run {run}, which is ahead, needs it.",
        ),
    ),
    "in_line": (QT_TRANSLATE_NOOP("reasons", "Waits its turn behind {ahead} other runs."),),
    "unprepared": (
        QT_TRANSLATE_NOOP(
            "reasons", "Waits until what {ahead} runs ahead of it need has been made ready."
        ),
    ),
    "gpu_missing": (
        QT_TRANSLATE_NOOP(
            "reasons", "Needs {needs_gpus} GPUs with {needs} each; the machine has {gpus} now."
        ),
    ),
    "gpu_busy": (
        QT_TRANSLATE_NOOP(
            "reasons",
            "Needs a GPU for itself; GPU {gpu} is in use by {runs} runs and {foreign} not ours.",
        ),
        QT_TRANSLATE_NOOP("reasons", "Needs a GPU for itself; GPU {gpu} is in use by {runs} runs."),
        QT_TRANSLATE_NOOP("reasons", "Needs a GPU for itself; GPU {gpu} has {foreign} not ours."),
    ),
    "gpu_vram": (
        QT_TRANSLATE_NOOP(
            "reasons",
            "GPU {gpu}: {free} of {total} free, needs {needs}; {processes} processes that are not "
            "ours hold {foreign}, {process} of it the {program} of {user} (pid {pid}).",
        ),
        QT_TRANSLATE_NOOP(
            "reasons",
            "GPU {gpu}: {free} of {total} free, needs {needs}; the {program} of {user} (pid {pid}, "
            "not ours) holds {process}.",
        ),
        QT_TRANSLATE_NOOP(
            "reasons", "GPU {gpu}: {free} of {total} free, needs {needs}; {foreign} not ours."
        ),
    ),
    "gpu_others": (
        QT_TRANSLATE_NOOP(
            "reasons",
            "Waits until others are gone from GPU {gpu}; the {program} of {user} (pid {pid}, not "
            "ours) holds {process}.",
        ),
    ),
    "paused": (
        QT_TRANSLATE_NOOP("reasons", "No run starts on this machine now: {by} paused it ({note})."),
        QT_TRANSLATE_NOOP("reasons", "No run starts on this machine now: {by} paused it."),
    ),
    "paused_tag": (
        QT_TRANSLATE_NOOP(
            "reasons", "No run with the tag {tag} starts here now: {by} paused it ({note})."
        ),
        QT_TRANSLATE_NOOP("reasons", "No run with the tag {tag} starts here now: {by} paused it."),
    ),
    "records_rebuilt": (
        QT_TRANSLATE_NOOP(
            "reasons",
            "The agent's records were damaged or gone, and were made anew from the directories of "
            "{runs} runs. At least {forgotten} runs are no longer known.",
        ),
    ),
    "over_use": (
        QT_TRANSLATE_NOOP(
            "reasons", "Run {run} holds {used} of GPU {gpu}, and was promised {promised}."
        ),
    ),
    "cordon_person": (QT_TRANSLATE_NOOP("reasons", "{by} closed it: {why}"),),
    **dict.fromkeys(
        ("cordon_driver", "cordon_lost", "cordon_unreadable"),
        (
            QT_TRANSLATE_NOOP(
                "reasons", "None of the machine's GPUs ({gpus}) can be used: {problem}"
            ),
        ),
    ),
    "gpu_undeclared": (
        QT_TRANSLATE_NOOP(
            "reasons",
            "Declares no VRAM, so it needs a GPU to itself; GPU {gpu}: {free} of {total} free, "
            "used by {runs} runs.",
        ),
    ),
    "signal": (
        QT_TRANSLATE_NOOP(
            "reasons", "Ended by signal {signal} {name}, which Lanherd did not send."
        ),
    ),
    "waits_for": (
        QT_TRANSLATE_NOOP("reasons", "Waits for {runs} runs; for the first, {run}, {kind}."),
    ),
    "share_full": (
        QT_TRANSLATE_NOOP(
            "reasons",
            "Runs of {name} hold {gpus} GPUs, {gpus_over} more than the {gpus_max} that they may "
            "have here now; it needs {needs_gpus}.",
        ),
    ),
    "pre_failed": PRE_FAILED,
    "retention_age": (
        QT_TRANSLATE_NOOP(
            "reasons", "It ended {age_s} ago; files of project {project} are kept for {age_s_max}."
        ),
    ),
    "retention_count": (
        QT_TRANSLATE_NOOP(
            "reasons", "Files of project {project} are kept of the newest {runs_max} that ended."
        ),
    ),
    "retention_size": (
        QT_TRANSLATE_NOOP(
            "reasons",
            "Files of project {project} take {size}; they are kept up to {bytes_max}.",
        ),
    ),
}
"""Sentences that say more than the usual one, where the reason brings what they need."""

PLAIN: dict[str, dict[str, str | int | float]] = {
    "gpu_missing": {"needs_bytes": 0},
    "gpu_busy": {"runs": 0, "foreign_bytes": 0},
    "gpu_vram": {"foreign_bytes": 0, "processes": 1},
    "gpu_undeclared": {"runs": 0},
    "waits_for": {"runs": 1},
    "records_rebuilt": {"forgotten": 0},
}
"""Values that are not worth a word: a sentence without them is chosen."""

RESTS: dict[str, str | tuple[str, ...]] = {
    "packed_percent": QT_TRANSLATE_NOOP(
        "reasons", "The machine's rules let no more than {packed_percent}% of it be promised."
    ),
    "ours_bytes": QT_TRANSLATE_NOOP(
        "reasons", "{runs} runs there hold {ours}, {largest} of it run {run}."
    ),
    "first": QT_TRANSLATE_NOOP("reasons", "First in line."),
    "expected_about_s": QT_TRANSLATE_NOOP(
        "reasons", "It is expected to start in about {expected_about_s}."
    ),
    "of_signal": QT_TRANSLATE_NOOP(
        "reasons", "A shell tells so that signal {of_signal} ended its program."
    ),
    "grace_s": QT_TRANSLATE_NOOP("reasons", "It did not end within {grace_s}, and was killed."),
    "disk_full": QT_TRANSLATE_NOOP("reasons", "The machine's disk was full then."),
    "post_failed": POST_FAILED,
    "left": QT_TRANSLATE_NOOP("reasons", "{left} of its processes could not be killed."),
}
"""Second sentences, each for a value that came along."""

REMEDIES: dict[str, str] = {
    "kept_for_earlier": QT_TRANSLATE_NOOP(
        "reasons", "Move it ahead in the line, if it can't wait."
    ),
    "kept_for_first": QT_TRANSLATE_NOOP(
        "reasons", "Give it a shorter time limit, or move it ahead in the line."
    ),
    "gpu_undeclared": QT_TRANSLATE_NOOP(
        "reasons", "Declare how much VRAM it needs, so that it can share a GPU."
    ),
    "exit_code": QT_TRANSLATE_NOOP("reasons", "Look at the end of its log."),
    "signal": QT_TRANSLATE_NOOP("reasons", "Look at the end of its log."),
    "exit_unknown": QT_TRANSLATE_NOOP("reasons", "Look at its log and outputs."),
    "pre_failed": QT_TRANSLATE_NOOP("reasons", "Look at the end of its log."),
    "timed_out": QT_TRANSLATE_NOOP(
        "reasons", "Give it more time, or let it save its state and go on in another attempt."
    ),
    "dependency_failed": QT_TRANSLATE_NOOP(
        "reasons", "Submit it anew once that run's work is done."
    ),
    "lost_reboot": QT_TRANSLATE_NOOP(
        "reasons", "Look at what it printed and left; restart it if its work is not done."
    ),
    "lost_unknown": QT_TRANSLATE_NOOP(
        "reasons", "Look at what it printed and left; restart it if its work is not done."
    ),
    "lost_untrusted": QT_TRANSLATE_NOOP(
        "reasons", "Look at what it printed and left; restart it if its work is not done."
    ),
    "lost_gone": QT_TRANSLATE_NOOP(
        "reasons", "Look at what it printed and left; restart it if its work is not done."
    ),
    "held": QT_TRANSLATE_NOOP("reasons", "Release it, and it waits its turn again."),
    "low_disk": QT_TRANSLATE_NOOP(
        "reasons", "Remove files of old runs or others; runs start again once there is room."
    ),
    "records_rebuilt": QT_TRANSLATE_NOOP(
        "reasons",
        "Pair controllers again, and submit again what had not been started. Rules of retention, "
        "closed GPUs and pauses are gone: set them again.",
    ),
    "run_directory_untrusted": QT_TRANSLATE_NOOP(
        "reasons",
        "Look at runs/{where} in the agent's home, and remove it if nobody needs it.",
    ),
    "retention_not_applied": QT_TRANSLATE_NOOP(
        "reasons",
        "Look at the disk on which the runs are; it is tried again every few minutes.",
    ),
    "retention_not_measured": QT_TRANSLATE_NOOP(
        "reasons",
        "Look at the disk on which the runs are; it is tried again every few minutes.",
    ),
    "paused": QT_TRANSLATE_NOOP(
        "reasons", "Resume the machine's line, and it waits its turn again."
    ),
    "paused_tag": QT_TRANSLATE_NOOP("reasons", "Resume the tag, or take it off the run."),
    "share_full": QT_TRANSLATE_NOOP("reasons", "It starts once others of them have ended."),
    "gpu_cordoned": QT_TRANSLATE_NOOP("reasons", "Release the GPU once it is well."),
    "gpu_others": QT_TRANSLATE_NOOP("reasons", "Let it share GPUs with others, if it can."),
    "rules_forbid": QT_TRANSLATE_NOOP("reasons", "Ask for less, or ask the machine's owner."),
    "needs_limit": QT_TRANSLATE_NOOP(
        "reasons", "Give it a time limit: if it is over soon enough, it may start at once."
    ),
    "over_use": QT_TRANSLATE_NOOP(
        "reasons", "Others may run out of VRAM for it. Declare what it needs."
    ),
    "over_use_stopped": QT_TRANSLATE_NOOP("reasons", "Submit it with as much VRAM as it needs."),
    "cordon_xid": QT_TRANSLATE_NOOP(
        "reasons",
        "Reset the GPU or restart the machine, and look at its power and seat. Release it once it "
        "is mended.",
    ),
    "cordon_ecc": QT_TRANSLATE_NOOP(
        "reasons",
        "Reset the GPU; if it happens again, have it replaced. Release it once it is mended.",
    ),
    "cordon_driver": QT_TRANSLATE_NOOP(
        "reasons",
        "Restart the machine, so that the driver which is loaded is the one that is installed. It "
        "is used again as soon as it can be read.",
    ),
    "cordon_lost": QT_TRANSLATE_NOOP("reasons", "It is used again as soon as it can be read."),
    "cordon_unreadable": QT_TRANSLATE_NOOP(
        "reasons", "It is used again as soon as it can be read."
    ),
    "gpu_unavailable": QT_TRANSLATE_NOOP("reasons", "It is used again as soon as it can be read."),
    "cordon_failures": QT_TRANSLATE_NOOP(
        "reasons",
        "Look why they failed, and try the GPU by itself. Release it once it is mended.",
    ),
    "cordon_person": QT_TRANSLATE_NOOP("reasons", "Release it once it is mended."),
    "rules_gpu_missing": QT_TRANSLATE_NOOP(
        "reasons", "Look whether the driver lost it, or take it out of the rules."
    ),
    "rules_not_copied": QT_TRANSLATE_NOOP(
        "reasons", "Make room on the machine's disk, and save the rules again."
    ),
}

LIVE_REMEDIES: dict[str, str] = {
    "run_directory_untrusted": QT_TRANSLATE_NOOP(
        "reasons",
        "Let it end, or stop it, and leave runs/{where} in the agent's home until then.",
    ),
}
"""What to do instead, of a run that is alive all the same."""

REMEDY_RESTS: dict[str, dict[str, str]] = {
    "records_rebuilt": {
        "held": QT_TRANSLATE_NOOP(
            "reasons", "Release {held} runs that would have been tried again."
        ),
        "file": QT_TRANSLATE_NOOP(
            "reasons", "The damaged file is kept as {file} in the agent's home."
        ),
    },
}
"""What to do besides, by code, each for a value that came along."""
