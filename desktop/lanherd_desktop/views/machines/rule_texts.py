"""The words of a machine's rules, and of what is wrong with a file of them."""

from PySide6.QtCore import QCoreApplication

from lanherd_desktop.state import numbers
from lanherd_desktop.state.rules_form import GroupName, default_of
from lanherd_desktop.views.refusals_of_rules import OF_RULES
from lanherd_desktop.views.words import english, failure_texts, sentences
from lanherd_protocol.errors import ErrorCode, Failure
from lanherd_protocol.rules_check import KEYS, SHARE_KEYS
from lanherd_protocol.rules_lines import RulesEditError
from lanherd_protocol.rules_messages import RuleFinding

_NAMED = frozenset(refusal.told["refusal"] for refusal in OF_RULES)


def group_text(group: GroupName) -> str:
    texts: dict[GroupName, str] = {
        "gpus": QCoreApplication.translate("Rules", "GPUs"),
        "others": QCoreApplication.translate("Rules", "Beside others"),
        "ceilings": QCoreApplication.translate("Rules", "Ceilings"),
        "hours": QCoreApplication.translate("Rules", "Hours"),
        "faults": QCoreApplication.translate("Rules", "When something goes wrong"),
        "order": QCoreApplication.translate("Rules", "Order of the line"),
    }
    return texts[group]


def rule_text(key: str) -> str:
    """What a rule is called in the form."""
    texts = {
        "gpus": QCoreApplication.translate("Rules", "GPUs that Lanherd may use"),
        "keep_free": QCoreApplication.translate("Rules", "GPUs to keep free of runs"),
        "strategy": QCoreApplication.translate("Rules", "Which GPU first"),
        "exclusive_by_default": QCoreApplication.translate("Rules", "A run has its GPU for itself"),
        "vram_share_max": QCoreApplication.translate("Rules", "Share of VRAM to promise at most"),
        "beside_others": QCoreApplication.translate("Rules", "Beside processes that are not ours"),
        "quiet_s": QCoreApplication.translate("Rules", "Quiet before a GPU counts as free"),
        "temperature_c_max": QCoreApplication.translate("Rules", "No new run above °C"),
        "power_w_max": QCoreApplication.translate("Rules", "No new run above W, all GPUs"),
        "runs_at_once_max": QCoreApplication.translate("Rules", "Most runs at once"),
        "hours": QCoreApplication.translate("Rules", "Times of day at which runs may start"),
        "over_use": QCoreApplication.translate("Rules", "More VRAM than was promised"),
        "failures_max": QCoreApplication.translate("Rules", "Failures until a GPU is closed"),
        "failures_backoff_s": QCoreApplication.translate("Rules", "Pause after two failures"),
        "backfill": QCoreApplication.translate("Rules", "Small runs may fill gaps"),
        "ageing_s": QCoreApplication.translate("Rules", "A wait that counts as one priority"),
        "fair_share": QCoreApplication.translate("Rules", "Users share the machine fairly"),
        "fair_share_half_life_s": QCoreApplication.translate("Rules", "Past use counts half after"),
    }
    return texts[key]


def choice_text(choice: str) -> str:
    texts = {
        "pack": QCoreApplication.translate("Rules", "the fullest with room"),
        "spread": QCoreApplication.translate("Rules", "the one with the fewest runs"),
        "coolest": QCoreApplication.translate("Rules", "the coldest"),
        "most_free": QCoreApplication.translate("Rules", "the one with most free VRAM"),
        "true": QCoreApplication.translate("Rules", "yes"),
        "false": QCoreApplication.translate("Rules", "no"),
        "share": QCoreApplication.translate("Rules", "take what they leave"),
        "wait": QCoreApplication.translate("Rules", "wait until they are gone"),
        "warn": QCoreApplication.translate("Rules", "say so"),
        "stop": QCoreApplication.translate("Rules", "stop the run"),
    }
    return texts.get(choice, choice)


def default_text(key: str) -> str:
    """What holds where nothing is said, for an empty field."""
    default = default_of(key)
    nothing = {
        "gpus": QCoreApplication.translate("Rules", "all, or such as 0, 1"),
        "temperature_c_max": QCoreApplication.translate("Rules", "any, or such as 85"),
        "power_w_max": QCoreApplication.translate("Rules", "any, or such as 1200"),
    }
    if key in nothing:
        return nothing[key]
    usual = QCoreApplication.translate("Rules", "{value}, if nothing is said")
    if key.endswith("_s"):
        return usual.format(value=numbers.duration(float(default)))
    return usual.format(value=choice_text(default).removesuffix(".0"))


def finding_texts(finding: RuleFinding) -> tuple[str, str]:
    """What is wrong, and what to write instead; the machine's own words where it is English."""
    if english():
        return finding.text, finding.remedy
    if finding.data.get("refusal") in _NAMED:
        _, why, what_next = failure_texts(_refused(finding))
        return why, what_next
    texts = {
        "syntax": QCoreApplication.translate("Rules", "This is no TOML."),
        "unreadable": QCoreApplication.translate("Rules", "The rules can't be read."),
        "unknown_key": QCoreApplication.translate("Rules", "There is no rule {key}."),
        "wrong_value": QCoreApplication.translate("Rules", "{key} can't have this value."),
        "contradiction": QCoreApplication.translate("Rules", "{key} contradicts other rules."),
        "unknown_gpu": QCoreApplication.translate("Rules", "This machine has no GPU {gpu}."),
    }
    if finding.code not in texts:
        return finding.text, finding.remedy
    values = {"key": finding.key, "gpu": finding.data.get("gpu", "")}
    return texts[finding.code].format(**values), _finding_remedy(finding)


def edit_problem_text(problem: ValueError) -> str:
    """Why a rule can't be changed in the text by its field."""
    if english() or not isinstance(problem, RulesEditError):
        return str(problem)
    failure = Failure(code=ErrorCode.INVALID_REQUEST, title=str(problem), data={**problem.data})
    _, why, what_next = failure_texts(failure)
    return sentences(why, what_next)


def _refused(finding: RuleFinding) -> Failure:
    """The finding as a failure, with what its key wants."""
    key = KEYS.get(finding.key) or SHARE_KEYS.get(finding.key.rpartition(".")[2])
    wants = {} if key is None else {"wants": key.wants}
    return Failure(
        code=ErrorCode.INVALID_REQUEST,
        title=finding.text,
        data={"key": finding.key, **wants, **finding.data},
    )


def _finding_remedy(finding: RuleFinding) -> str:
    nearest = finding.data.get("nearest")
    key = KEYS.get(finding.key)
    if finding.code == "syntax":
        return QCoreApplication.translate(
            "Rules", "Write one 'key = value' on each line; text is in quotes."
        )
    if nearest:
        return QCoreApplication.translate("Rules", "Did you mean {name}?").format(name=nearest)
    if finding.code == "wrong_value" and key is not None:
        text = QCoreApplication.translate("Rules", "Write {key} = {example}, say.")
        return text.format(key=finding.key, example=key.example)
    if finding.code == "contradiction":
        return QCoreApplication.translate("Rules", "Change it, or the rule that it contradicts.")
    if finding.code == "unknown_gpu":
        return QCoreApplication.translate("Rules", "Name GPUs that the machine has.")
    return finding.remedy
