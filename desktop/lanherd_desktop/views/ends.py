"""Ends of a run's commands that need many words, as sources of translations."""

from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP

END_REMEDIES: dict[str, tuple[str, ...]] = {
    "signal": (
        QT_TRANSLATE_NOOP(
            "causes",
            "It was interrupted, as by Ctrl+C or a terminal that was closed. Run it once more "
            "if nobody meant to.",
        ),
        QT_TRANSLATE_NOOP(
            "causes",
            "A person, a service of the machine or one of its own programs asked it to end. Run "
            "it once more if nobody meant to.",
        ),
        QT_TRANSLATE_NOOP(
            "causes", "Look at the end of its log, and at the compiled packages that it uses."
        ),
        QT_TRANSLATE_NOOP(
            "causes", "Look at the end of its log; SIGKILL often means that memory ran out."
        ),
        QT_TRANSLATE_NOOP(
            "causes",
            "It wrote to a program or a connection that was gone. Look at the end of its log "
            "for which.",
        ),
        QT_TRANSLATE_NOOP(
            "causes", "A timer that it had set itself went off. Look at the end of its log."
        ),
        QT_TRANSLATE_NOOP(
            "causes",
            "It used as much CPU time as a limit of its user lets it. Raise the limit "
            "(`ulimit -t`), or let it do less.",
        ),
        QT_TRANSLATE_NOOP(
            "causes",
            "It wrote a larger file than a limit of its user lets it. Raise the limit "
            "(`ulimit -f`), or write several files.",
        ),
        QT_TRANSLATE_NOOP(
            "causes", "It made a system call that it may not make. Look at the end of its log."
        ),
    ),
    "pre_failed": (
        QT_TRANSLATE_NOOP(
            "causes", "Make it executable (`chmod +x`), or name its interpreter first."
        ),
        QT_TRANSLATE_NOOP("causes", "Check its path, and that the machine has the interpreter."),
        QT_TRANSLATE_NOOP(
            "causes",
            "Check its spelling, or add the package that brings it to the project's lock.",
        ),
    ),
}
"""What to do, in the agent's own words: which of several was said is known by them."""

PRE_FAILED: tuple[str, ...] = (
    QT_TRANSLATE_NOOP(
        "reasons",
        "Its pre command can't be executed ({command}: {why}; exit code {exit_code}), so the "
        "command was not begun.",
    ),
    QT_TRANSLATE_NOOP(
        "reasons",
        "Its pre command can't be executed: {command}, or its interpreter, is not on the "
        "machine (exit code {exit_code}), so the command was not begun.",
    ),
    QT_TRANSLATE_NOOP(
        "reasons",
        "Its pre command was ended by signal {signal}, so the command was not begun.",
    ),
    QT_TRANSLATE_NOOP(
        "reasons",
        "Its pre command ended with exit code {exit_code}, so the command was not begun.",
    ),
)

POST_FAILED: tuple[str, ...] = (
    QT_TRANSLATE_NOOP(
        "reasons",
        "Its post command can't be executed ({post_command}: {post_why}; exit code "
        "{post_exit_code}).",
    ),
    QT_TRANSLATE_NOOP(
        "reasons",
        "Its post command can't be executed: {post_command}, or its interpreter, is not on "
        "the machine (exit code {post_exit_code}).",
    ),
    QT_TRANSLATE_NOOP("reasons", "Its post command was ended by signal {post_signal}."),
    QT_TRANSLATE_NOOP("reasons", "Its post command ended with exit code {post_exit_code}."),
    QT_TRANSLATE_NOOP("reasons", "Its post command failed."),
)
"""What says most comes first."""
