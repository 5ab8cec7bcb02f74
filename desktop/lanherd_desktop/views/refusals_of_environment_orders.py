"""What is refused here of the environment that is asked for, before anything is sent."""

from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP
from lanherd_desktop.views.failures import Refusal
from lanherd_protocol.errors import ErrorCode

OF_ENVIRONMENT_ORDERS: tuple[Refusal, ...] = (
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "details_of_no_environment"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "No environment was asked for, and yet something of one: {options}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Leave one of them out."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "details_of_registered"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "A registered environment is somebody else's and never changed, so these can't "
                "be asked of it: {options}.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Leave that out, or choose another environment."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "details_of_nothing"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "There is no environment that this could be of: {options}. The project has no "
                "lock, no dependencies and no requirements, or there is no project.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Name a project that has some, or packages."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "no_extras"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "Extras and groups are those of a uv.lock or a pyproject.toml, and {source} has "
                "none, so this chooses nothing: {options}.",
            ),
            QT_TRANSLATE_NOOP(
                "failures",
                "Extras and groups are those of a uv.lock or a pyproject.toml, so this chooses "
                "nothing here: {options}.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Leave them out, or name the packages themselves."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "odd_environment"},
        (QT_TRANSLATE_NOOP("failures", "The environment is a text, and was given as {given}."),),
        QT_TRANSLATE_NOOP(
            "failures",
            "Write auto, none, the name of a registered environment, or an environment's id.",
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "odd_environment_detail", "argument": "packages"},
        (QT_TRANSLATE_NOOP("failures", "{given} is no requirement."),),
        QT_TRANSLATE_NOOP("failures", "Write each as name, name==1.2 or name[extra]>=1,<2."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "odd_environment_detail", "argument": "extra"},
        (QT_TRANSLATE_NOOP("failures", "{given} can't be the name of an extra."),),
        QT_TRANSLATE_NOOP("failures", "Write one that the pyproject.toml of the project has."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "odd_environment_detail", "argument": "group"},
        (QT_TRANSLATE_NOOP("failures", "{given} can't be the name of a group."),),
        QT_TRANSLATE_NOOP("failures", "Write one that the pyproject.toml of the project has."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "odd_environment_detail", "argument": "python"},
        (QT_TRANSLATE_NOOP("failures", "{given} is no version of Python."),),
        QT_TRANSLATE_NOOP("failures", "Write it as 3.12, or as >=3.11,<3.13."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "odd_environment_detail"},
        (QT_TRANSLATE_NOOP("failures", "{argument} can't be {given}."),),
        QT_TRANSLATE_NOOP("failures", "Write True or False."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "many_packages_named"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{packages} packages are named; a run may name {packages_max}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Put them into a requirements file of the project."),
    ),
    Refusal(
        ErrorCode.VERSION_MISMATCH,
        {"refusal": "old_for_environments"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The Lanherd on {machine} is too old for that: it only builds environments from "
                "locks, for runs.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Upgrade Lanherd on {machine}."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "environment_not_ready", "state": "building"},
        (QT_TRANSLATE_NOOP("failures", "The environment {environment} is being built now."),),
        QT_TRANSLATE_NOOP("failures", "Wait until it is there."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "environment_not_ready", "state": "waiting"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "The environment {environment} waits for its turn to be built."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Wait until it is there."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "environment_not_ready", "state": "failed"},
        (QT_TRANSLATE_NOOP("failures", "The build of the environment {environment} has failed."),),
        QT_TRANSLATE_NOOP(
            "failures", "Read its log, mend what stood in its way, and build it again."
        ),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "environment_not_ready", "state": "damaged"},
        (QT_TRANSLATE_NOOP("failures", "Files of the environment {environment} are damaged."),),
        QT_TRANSLATE_NOOP("failures", "Repair it."),
    ),
    Refusal(
        ErrorCode.CONFLICT,
        {"refusal": "environment_not_ready"},
        (QT_TRANSLATE_NOOP("failures", "The environment {environment} can't be used now."),),
        QT_TRANSLATE_NOOP("failures", "Look at the list of its machine's environments for why."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "no_environment_named"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "There is nothing to build: no packages are named, and no project that has a "
                "lock, dependencies or requirements.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Name a project that has some, or packages."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "registered_not_built"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The environment {name} is registered: it is there already, and Lanherd never "
                "changes it.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Build one from a project or from packages."),
    ),
    Refusal(
        ErrorCode.PROTOCOL_ERROR,
        {"refusal": "endless_lock"},
        (QT_TRANSLATE_NOOP("failures", "{machine} sends a lock without an end."),),
        QT_TRANSLATE_NOOP("failures", "Upgrade Lanherd on {machine}."),
    ),
    Refusal(
        ErrorCode.PROJECT_UNREADABLE,
        {"refusal": "odd_default_environment"},
        (QT_TRANSLATE_NOOP("failures", "The environment that {path} names can't be had."),),
        QT_TRANSLATE_NOOP("failures", "Mend what it says of the environment."),
    ),
    Refusal(
        ErrorCode.NOT_FOUND,
        {"refusal": "environment_nowhere"},
        (QT_TRANSLATE_NOOP("failures", "No machine has an environment {asked}."),),
        QT_TRANSLATE_NOOP("failures", "Look at the list of environments."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "environment_on_several"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "Several machines have the environment {asked}, and it isn't said which one is "
                "meant.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Say which machine."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "not_registered"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "{asked} is no registered name: Lanherd has built that environment itself.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Remove it instead."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "registered_not_removed"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The environment {name} is registered: somebody else's, which Lanherd never "
                "touches.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Let its name be forgotten instead."),
    ),
)
