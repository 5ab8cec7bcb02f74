"""What is wrong in a rules file, by the finding that is named: what, and what to write instead."""

from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP
from lanherd_desktop.views.failures import Refusal
from lanherd_protocol.errors import ErrorCode

OF_RULES: tuple[Refusal, ...] = (
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "rules_large"},
        (QT_TRANSLATE_NOOP("failures", "The rules have {size}; {bytes_max} are the most."),),
        QT_TRANSLATE_NOOP("failures", "Write fewer users and tags, or less beside the rules."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "rules_dots"},
        (QT_TRANSLATE_NOOP("failures", "This line has more than {dots_max} dots."),),
        QT_TRANSLATE_NOOP(
            "failures", "Write tables, such as [users.NAME], rather than long dotted keys."
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "key_twice"},
        (QT_TRANSLATE_NOOP("failures", "{key} is written a second time."),),
        QT_TRANSLATE_NOOP("failures", "Keep one of the two lines."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "table_twice"},
        (QT_TRANSLATE_NOOP("failures", "[{key}] is written a second time."),),
        QT_TRANSLATE_NOOP(
            "failures", "Keep one [{key}], and write all that is said of it below that."
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "rules_no_toml"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "This is no TOML, at character {column} of the line: {problem}."
            ),
            QT_TRANSLATE_NOOP("failures", "This is no TOML: {problem}."),
        ),
        QT_TRANSLATE_NOOP("failures", "Write one 'key = value' on each line; text is in quotes."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "shares_no_table"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{key} is a table of up to {names_max} names; this is {found}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Write [{key}.NAME] and gpus_max = 2 below."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "share_no_table"},
        (QT_TRANSLATE_NOOP("failures", "{key} is a table; this is {found}."),),
        QT_TRANSLATE_NOOP("failures", "Write {key} = {{ gpus_max = 2 }}."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "share_of_nobody"},
        (QT_TRANSLATE_NOOP("failures", "{key} is a table; this is {found}."),),
        QT_TRANSLATE_NOOP("failures", "Write [{table}.NAME] above it: whose share it is."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "no_rule"},
        (QT_TRANSLATE_NOOP("failures", "There is no rule {key}."),),
        QT_TRANSLATE_NOOP("failures", "Did you mean {nearest}?"),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "no_rule_like"},
        (QT_TRANSLATE_NOOP("failures", "There is no rule {key}."),),
        QT_TRANSLATE_NOOP("failures", "Rules: {rules}."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "wrong_rule"},
        (
            QT_TRANSLATE_NOOP("failures", "{key} is {wants}; this is {found}."),
            QT_TRANSLATE_NOOP("failures", "{key} can't be {found}."),
        ),
        QT_TRANSLATE_NOOP("failures", "Write {key} = {example}, say."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "wrong_times"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{key} is a list of times, with days if need be; this is {found}."
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures",
            "Write {key} = {example}, say; days are mon, tue, wed, thu, fri, sat and sun.",
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "keeps_all_free"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "keep_free is {keep_free}, and Lanherd may use {usable} GPUs: no run would ever "
                "get one.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Keep {most} free at most, or let Lanherd use more in gpus."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "rule_gpu_twice"},
        (QT_TRANSLATE_NOOP("failures", "gpus names GPU {gpu} twice."),),
        QT_TRANSLATE_NOOP("failures", "Name each GPU once."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "rule_gpu_unknown"},
        (QT_TRANSLATE_NOOP("failures", "This machine has no GPU {gpu}."),),
        QT_TRANSLATE_NOOP("failures", "It has {gpus}."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "min_above_max"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "{share}: gpus_min is {gpus_min}, more than gpus_max, {gpus_max}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Lower gpus_min, or raise gpus_max."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "mins_above_all"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "gpus_min of all {table} together is {total}, and Lanherd has {usable} GPUs to "
                "give.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Lower gpus_min, or keep_free."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "no_key"},
        (QT_TRANSLATE_NOOP("failures", "{key} can't be a key."),),
        QT_TRANSLATE_NOOP(
            "failures", "Write names with dots between them, such as users.ada.gpus_max."
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "rules_unchangeable"},
        (QT_TRANSLATE_NOOP("failures", "The rules can't be changed as they are: {problem}."),),
        QT_TRANSLATE_NOOP("failures", "Mend the text first."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "rule_out_of_reach"},
        (QT_TRANSLATE_NOOP("failures", "{key} can't be changed where it is."),),
        QT_TRANSLATE_NOOP("failures", "Change it by hand."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "rule_no_table"},
        (QT_TRANSLATE_NOOP("failures", "{key} is no table in this file."),),
        QT_TRANSLATE_NOOP("failures", "Change it by hand."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "rules_no_file"},
        (QT_TRANSLATE_NOOP("failures", "The file of the rules is no plain file."),),
        QT_TRANSLATE_NOOP(
            "failures", "Make {file} a plain text file that the agent's user can read."
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "rules_refused"},
        (QT_TRANSLATE_NOOP("failures", "The file of the rules can't be read: {problem}."),),
        QT_TRANSLATE_NOOP(
            "failures", "Make {file} a plain text file that the agent's user can read."
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "rules_too_long"},
        (QT_TRANSLATE_NOOP("failures", "The file of the rules has more than {bytes_max}."),),
        QT_TRANSLATE_NOOP("failures", "Write less in it."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "rules_no_text"},
        (QT_TRANSLATE_NOOP("failures", "This is no UTF-8 text."),),
        QT_TRANSLATE_NOOP("failures", "Save the file as UTF-8."),
    ),
)

WANTS: tuple[str, ...] = (
    QT_TRANSLATE_NOOP("phrases", "a list of indices or UUIDs of GPUs"),
    QT_TRANSLATE_NOOP("phrases", "a whole number from 0 to 64"),
    QT_TRANSLATE_NOOP("phrases", "one of pack, spread, coolest, most_free"),
    QT_TRANSLATE_NOOP("phrases", "true or false"),
    QT_TRANSLATE_NOOP("phrases", "a share above 0, up to 1"),
    QT_TRANSLATE_NOOP("phrases", "wait or share"),
    QT_TRANSLATE_NOOP("phrases", "seconds, or a time with its unit"),
    QT_TRANSLATE_NOOP("phrases", "degrees Celsius, from 21 to 120"),
    QT_TRANSLATE_NOOP("phrases", "watts, up to 100000"),
    QT_TRANSLATE_NOOP("phrases", "a whole number from 1 to 10000"),
    QT_TRANSLATE_NOOP("phrases", "a list of times"),
    QT_TRANSLATE_NOOP("phrases", "warn or stop"),
    QT_TRANSLATE_NOOP("phrases", "a whole number from 0 to 1000"),
    QT_TRANSLATE_NOOP("phrases", "seconds, or a time with its unit, at least 1 s"),
)
"""What keys of the rules want, as `rules_check.KEYS` says it."""

TOML_PROBLEMS: tuple[str, ...] = (
    QT_TRANSLATE_NOOP("phrases", "Cannot overwrite a value"),
    QT_TRANSLATE_NOOP("phrases", "Escaped character is not a Unicode scalar value"),
    QT_TRANSLATE_NOOP("phrases", "Expected '=' after a key in a key/value pair"),
    QT_TRANSLATE_NOOP("phrases", "Expected ']' at the end of a table declaration"),
    QT_TRANSLATE_NOOP("phrases", "Expected ']]' at the end of an array declaration"),
    QT_TRANSLATE_NOOP("phrases", "Expected newline or end of document after a statement"),
    QT_TRANSLATE_NOOP("phrases", "Invalid date or datetime"),
    QT_TRANSLATE_NOOP("phrases", "Invalid hex value"),
    QT_TRANSLATE_NOOP("phrases", "Invalid initial character for a key part"),
    QT_TRANSLATE_NOOP("phrases", "Invalid statement"),
    QT_TRANSLATE_NOOP("phrases", "Invalid value"),
    QT_TRANSLATE_NOOP("phrases", "Unclosed array"),
    QT_TRANSLATE_NOOP("phrases", "Unclosed inline table"),
    QT_TRANSLATE_NOOP("phrases", "Unescaped '\\' in a string"),
    QT_TRANSLATE_NOOP("phrases", "Unterminated string"),
    QT_TRANSLATE_NOOP("phrases", "Brackets are too deep inside each other"),
)
"""What Python says of a text that is no TOML."""
