"""What can't be read in a constraint, by the slip that is named: where, why, and what instead."""

from lanherd_desktop.state.marking import QT_TRANSLATE_NOOP
from lanherd_desktop.views.failures import Refusal
from lanherd_protocol.errors import ErrorCode

OF_CONSTRAINTS: tuple[Refusal, ...] = (
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "constraint_long"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "The constraint has {characters} characters; {characters_max} are the most.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures", "Write less of it, or give the run several machines to choose from."
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "never_opened"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "At character {column} of the constraint: this ')' has no '(' before it.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Take it away."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "never_closed"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "At character {column} of the constraint: this '(' is never closed."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Put a ')' where it ends."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "text_in_parts"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "At character {column} of the constraint: 'and', 'or' or the end was expected, "
                "and {found} was found.",
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures", 'Write text with spaces in quotes, such as name ~ "RTX 3090".'
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "not_joined"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "At character {column} of the constraint: 'and', 'or' or the end was expected, "
                "and {found} was found.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Put 'and' or 'or' between two comparisons."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "not_joined_inside"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "At character {column} of the constraint: 'and', 'or' or ')' was expected, and "
                "{found} was found.",
            ),
            QT_TRANSLATE_NOOP(
                "failures",
                "At character {column} of the constraint: 'and', 'or' or ')' was expected, and "
                "it ends.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Put 'and' or 'or' between two comparisons."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "too_deep"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "At character {column} of the constraint: more than {depth_max} parentheses or "
                "'not' are inside each other.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Write it flatter."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "fact_expected"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "At character {column} of the constraint: a fact was expected, and {found} was "
                "found.",
            ),
            QT_TRANSLATE_NOOP(
                "failures",
                "At character {column} of the constraint: a fact was expected, and it ends.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Facts: {facts}."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "no_fact", "option": "--vram"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "At character {column} of the constraint: there is no fact {fact}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Ask for free VRAM in the field for VRAM. Facts: {facts}."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "no_fact", "option": "--gpus"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "At character {column} of the constraint: there is no fact {fact}."
            ),
        ),
        QT_TRANSLATE_NOOP(
            "failures", "Ask for a number of GPUs in the field for GPUs. Facts: {facts}."
        ),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "no_fact", "nearest": None},
        (
            QT_TRANSLATE_NOOP(
                "failures", "At character {column} of the constraint: there is no fact {fact}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Did you mean {nearest}? Facts: {facts}."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "no_fact"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "At character {column} of the constraint: there is no fact {fact}."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Facts: {facts}."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "operator_expected"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "At character {column} of the constraint: behind {fact} one of {operators} was "
                "expected, and {found} was found.",
            ),
            QT_TRANSLATE_NOOP(
                "failures",
                "At character {column} of the constraint: behind {fact} one of {operators} was "
                "expected, and it ends.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Write one of {operators}."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "other_operator"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "At character {column} of the constraint: {fact} is {what}, which {operator} "
                "can't compare.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Use one of {operators}."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "keyword_as_value"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "At character {column} of the constraint: {what} was expected, to compare "
                "{fact} with, and {found} was found.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "If {found} is the text, put it in quotes."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "value_expected"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "At character {column} of the constraint: {what} was expected, to compare "
                "{fact} with, and {found} was found.",
            ),
            QT_TRANSLATE_NOOP(
                "failures",
                "At character {column} of the constraint: {what} was expected, to compare "
                "{fact} with, and it ends.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Write a value there."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "quoted_value"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "At character {column} of the constraint: {fact} is {what}, and this is text.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Write it without the quotes."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "no_version"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "At character {column} of the constraint: {found} is no version."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Write {fact} >= 12.4, say."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "no_number"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "At character {column} of the constraint: {fact} is {what}, and {found} is none.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Write a value of that kind."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "never_negative"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "At character {column} of the constraint: {fact} is never negative."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Take the minus away."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "unit_of_none"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "At character {column} of the constraint: {fact} has no unit."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Write {number}."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "no_part_of_one"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "At character {column} of the constraint: {fact} is a whole number."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Write it without decimals."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "above_all"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "At character {column} of the constraint: {found} is more than any machine has.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Write less."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "no_capability"},
        (
            QT_TRANSLATE_NOOP(
                "failures",
                "At character {column} of the constraint: {found} is no compute capability.",
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Write {example}, say."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "no_unit"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "At character {column} of the constraint: {unit} is no unit of a size."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Units: {units}."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "unit_left_out"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "At character {column} of the constraint: {found} has no unit."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Write {example}, say."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "open_quote"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "At character {column} of the constraint: this quote is never closed."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Close it where the text ends."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "other_spelling"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "At character {column} of the constraint: {found} has no meaning."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Write '{meant}'."),
    ),
    Refusal(
        ErrorCode.INVALID_REQUEST,
        {"refusal": "odd_sign"},
        (
            QT_TRANSLATE_NOOP(
                "failures", "At character {column} of the constraint: {found} has no meaning."
            ),
        ),
        QT_TRANSLATE_NOOP("failures", "Write text with such characters in quotes."),
    ),
)
"""Of those with one name, those that ask for more values come first."""

KINDS_OF_FACTS: tuple[str, ...] = (
    QT_TRANSLATE_NOOP("phrases", "size"),
    QT_TRANSLATE_NOOP("phrases", "whole"),
    QT_TRANSLATE_NOOP("phrases", "version"),
    QT_TRANSLATE_NOOP("phrases", "text"),
)
"""The kinds of facts, as `FactKind` names them: the values of `what`."""
