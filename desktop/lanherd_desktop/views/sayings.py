"""Sentences that machines put into a reason's or a refusal's values, or beside them: what was lost
of an end, what can't be trusted, and what is wrong with a path. `{flaw}` is what a machine names
itself, and stands as it is."""

from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP

SAYINGS: tuple[str, ...] = (
    QT_TRANSLATE_NOOP("reasons", "The machine was restarted while it ran."),
    QT_TRANSLATE_NOOP("reasons", "The machine was shut down while it ran."),
    QT_TRANSLATE_NOOP("reasons", "How it ended is not known."),
    QT_TRANSLATE_NOOP("reasons", "Its run directory can't be trusted."),
    QT_TRANSLATE_NOOP("reasons", "Its run directory is gone."),
    QT_TRANSLATE_NOOP("reasons", "How it ended was lost with the agent's records."),
    QT_TRANSLATE_NOOP(
        "reasons",
        "How it ended is not known: its shim and its launcher were killed before they could record "
        "it, or the record was removed.",
    ),
    QT_TRANSLATE_NOOP(
        "reasons", "How it ended is not known: its run directory can't be trusted: {flaw}."
    ),
    QT_TRANSLATE_NOOP("reasons", "How it ended is not known: {flaw}."),
    QT_TRANSLATE_NOOP("reasons", "Its run directory can't be trusted: {flaw}."),
    QT_TRANSLATE_NOOP("reasons", "They can't be trusted: {flaw}."),
    QT_TRANSLATE_NOOP("reasons", "is empty"),
    QT_TRANSLATE_NOOP("reasons", "is not valid Unicode"),
    QT_TRANSLATE_NOOP("reasons", "is no path of a machine"),
    QT_TRANSLATE_NOOP("reasons", "holds a NUL character"),
    QT_TRANSLATE_NOOP("reasons", "holds a backslash"),
    QT_TRANSLATE_NOOP("reasons", "holds an empty name: two slashes in a row, or one at the end"),
    QT_TRANSLATE_NOOP("reasons", "holds a name longer than {flaw} bytes"),
    QT_TRANSLATE_NOOP("reasons", "holds the name {flaw}"),
    QT_TRANSLATE_NOOP("reasons", "is longer than {flaw} bytes"),
    QT_TRANSLATE_NOOP("reasons", "is deeper than {flaw} folders"),
)
"""What is most exact comes first."""

RESTS_OF_SAYINGS: tuple[str, ...] = (
    QT_TRANSLATE_NOOP("reasons", "It is alive, and keeps what it holds until it is over."),
    QT_TRANSLATE_NOOP("reasons", "No process of it was found."),
)
"""What may follow one of them."""
