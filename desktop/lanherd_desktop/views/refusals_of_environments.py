"""What machines refuse of environments, and why one can't be had, by the refusal that is named."""

from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP
from lanherd_desktop.views.failures import Refusal
from lanherd_protocol.errors import ErrorCode

OF_ENVIRONMENTS: tuple[Refusal, ...] = (
    Refusal(
        ErrorCode.ENVIRONMENT_FAILED,
        {"refusal": "index_password"},
        (
            QT_TRANSLATE_NOOP("failures", "The package index {host} doesn't let the machine in."),
            QT_TRANSLATE_NOOP("failures", "The package index doesn't let the machine in."),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "Check its address, user and password in the settings of that machine's agent "
            "(UV_DEFAULT_INDEX).",
        ),
    ),
    Refusal(
        ErrorCode.ENVIRONMENT_FAILED,
        {"refusal": "index_certificate"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The package index {host} shows a certificate that the machine doesn't trust.",
            ),
            QT_TRANSLATE_NOOP(
                "failures", "The package index shows a certificate that the machine doesn't trust."
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "If the index is your own, give its authority's certificate to that machine's agent "
            "as SSL_CERT_FILE.",
        ),
    ),
    Refusal(
        ErrorCode.ENVIRONMENT_FAILED,
        {"refusal": "index_slow"},
        (
            QT_TRANSLATE_NOOP("failures", "The package index {host} answers too slowly."),
            QT_TRANSLATE_NOOP("failures", "The package index answers too slowly."),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "Try again later, or give that machine's agent a nearer index (UV_DEFAULT_INDEX).",
        ),
    ),
    Refusal(
        ErrorCode.ENVIRONMENT_FAILED,
        {"refusal": "index_down"},
        (
            QT_TRANSLATE_NOOP("failures", "The machine can't reach the package index {host}."),
            QT_TRANSLATE_NOOP("failures", "The machine can't reach its package index."),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "Check that machine's way to its package index (UV_DEFAULT_INDEX, HTTPS_PROXY and "
            "SSL_CERT_FILE of its agent) and try again.",
        ),
    ),
    Refusal(
        ErrorCode.LOCK_UNRESOLVABLE,
        {"refusal": "other_python", "package": None},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{lock} is for another Python than the machine's: see {package}."
            ),
            QT_TRANSLATE_NOOP("failures", "{lock} is for another Python than the machine's."),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "Choose a Python that it is for, or make the lock again for that machine's Python.",
        ),
    ),
    Refusal(
        ErrorCode.LOCK_UNRESOLVABLE,
        {"refusal": "other_python"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{lock} is for Python {python}, and Python {default} was chosen."
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures", "Choose another Python, or make the lock again for this one."
        ),
    ),
    Refusal(
        ErrorCode.LOCK_UNRESOLVABLE,
        {"refusal": "other_platform"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{lock} is for another platform than the machine's: see {package}."
            ),
            QT_TRANSLATE_NOOP("failures", "{lock} is for another platform than the machine's."),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "Make the lock again for that machine's platform, or choose a machine that it is for.",
        ),
    ),
    Refusal(
        ErrorCode.LOCK_UNRESOLVABLE,
        {"refusal": "no_package"},
        (
            QT_TRANSLATE_NOOP("failures", "There is no package {package} in the machine's index."),
            QT_TRANSLATE_NOOP("failures", "A package is not in the machine's index."),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "Check the package's name; if it is in another index, name that one to the "
            "machine's agent (UV_INDEX) or in the project.",
        ),
    ),
    Refusal(
        ErrorCode.LOCK_UNRESOLVABLE,
        {"refusal": "from_source"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "There is no wheel for this machine of {packages}, and building from source was "
                "forbidden.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures", "Choose versions that have wheels, or allow building from source."
        ),
    ),
    Refusal(
        ErrorCode.LOCK_UNRESOLVABLE,
        {"refusal": "bad_python"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "{python} names no Python: it is neither a version nor a range of versions.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Write it as 3.12, or as >=3.11,<3.13."),
    ),
    Refusal(
        ErrorCode.LOCK_UNRESOLVABLE,
        {"refusal": "other_hash"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The index has another {package} than the one that {lock} asks for."
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "Check where that package comes from; if its change is meant, renew its hashes.",
        ),
    ),
    Refusal(
        ErrorCode.LOCK_UNRESOLVABLE,
        {"refusal": "no_hash"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "What {lock} says of {package} names neither a package of an index nor a "
                "commit, so nothing holds it to its content.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "Name a version of an index, a commit of a repository, or a wheel with its hash.",
        ),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "no_environment_like"},
        (QT_TRANSLATE_NOOP("failures", "The environment {asked} is not on that machine."),),
        QT_TRANSLATE_NOOP("failures", "Look at the list of its environments, or build it again."),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "no_such_name"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "No environment called {name} is registered on that machine."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Register it there, or choose another environment."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_environment_name"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "{name} can't be an environment's name: it has 1 to 64 letters, digits, dots, "
                "dashes and underscores.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Choose another name."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "name_taken"},
        (QT_TRANSLATE_NOOP("failures", "The name {name} is taken: on that machine it is {path}."),),
        QT_TRANSLATE_NOOP("failures", "Choose another name, or remove the other one first."),
    ),
    Refusal(
        ErrorCode.TOO_LARGE,
        {"refusal": "many_registered"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The machine keeps {registered_max} registered environments."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Remove one first."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_interpreter"},
        (QT_TRANSLATE_NOOP("failures", "{path} can't be used as an environment."),),
        QT_TRANSLATE_NOOP(
            "failures",
            "Give the whole path of a Python, or of a virtual environment's folder, on that "
            "machine.",
        ),
    ),
    Refusal(
        ErrorCode.ENVIRONMENT_FAILED,
        {"refusal": "registered_gone"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The environment {name} is gone: there is no {path} on that machine any more.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Put it back, or register another one under this name."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "empty_environment"},
        (QT_TRANSLATE_NOOP("failures", "The environment names nothing that is to be in it."),),
        QT_TRANSLATE_NOOP(
            "failures", "Name a file of the project, packages, or another environment."
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "many_packages"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The environment names {packages} packages; it may name {packages_max}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Put more into a requirements file."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "bad_environment"},
        (QT_TRANSLATE_NOOP("failures", "{text} is not {what}."),),
        QT_TRANSLATE_NOOP("failures", "Choose it anew."),
    ),
    Refusal(
        ErrorCode.ENVIRONMENT_FAILED,
        {"refusal": "failed_before"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "It failed at {failed_at}, and nothing has changed since then."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Mend what it says, or have it tried again as it is."),
    ),
    Refusal(
        ErrorCode.LOCK_UNRESOLVABLE,
        {"refusal": "failed_before"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "It failed at {failed_at}, and nothing has changed since then."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Mend what it says, or have it tried again as it is."),
    ),
    Refusal(
        ErrorCode.DISK_FULL,
        {"refusal": "failed_before"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "It failed at {failed_at}, and nothing has changed since then."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Mend what it says, or have it tried again as it is."),
    ),
    Refusal(
        ErrorCode.TIMED_OUT,
        {"refusal": "failed_before"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "It failed at {failed_at}, and nothing has changed since then."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Mend what it says, or have it tried again as it is."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "environment_needed"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{runs} runs that wait or are live need the environment {environment}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Wait until they are over, or stop them first."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "environment_busy"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The environment {environment} is being built, and somebody waits for it.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Wait until it is there, or stop the runs that need it."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "many_environments_like"},
        (QT_TRANSLATE_NOOP("failures", "{environments} environments begin with {asked}."),),
        QT_TRANSLATE_NOOP("failures", "Write more of the id."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "registered_unchanged"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The environment {name} is registered: it belongs to somebody else, and is "
                "never changed.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Repair it with what made it."),
    ),
    Refusal(
        ErrorCode.ENVIRONMENT_FAILED,
        {"refusal": "still_damaged"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The environment {environment} could not be repaired: its packages were "
                "installed again, and {files} files are still not as they should be.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "Look at the machine's disk; then remove the environment and build it again.",
        ),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "no_build_log"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The environment {name} is registered, so nothing was built for it, and there "
                "is no log.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Look at what is in it instead."),
    ),
)

PARTS: tuple[str, ...] = (
    QT_TRANSLATE_NOOP("phrases", "a file of the project"),
    QT_TRANSLATE_NOOP("phrases", "a file's hash"),
    QT_TRANSLATE_NOOP("phrases", "a package"),
    QT_TRANSLATE_NOOP("phrases", "a registered environment's name"),
    QT_TRANSLATE_NOOP("phrases", "a version of Python"),
    QT_TRANSLATE_NOOP("phrases", "an environment's id"),
    QT_TRANSLATE_NOOP("phrases", "an extra"),
    QT_TRANSLATE_NOOP("phrases", "a group"),
)
"""What is named of an environment: values of `what`."""
