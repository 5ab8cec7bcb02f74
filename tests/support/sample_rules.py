"""A machine's rules as an owner writes them, with comments."""

from hashlib import sha256

from lanherd_protocol.machine_rules import MachineRules
from lanherd_protocol.rules_check import check_rules
from lanherd_protocol.rules_messages import RulesState

TEXT = """\
# tycho: two A100s, shared with the imaging group.
# Ask Ada before you change anything here.

keep_free = 1            # the imaging group's
strategy = "coolest"
beside_others = "wait"
quiet_s = "30 s"
temperature_c_max = 85

# Nights and weekends only.
hours = ["18:00-08:00", "sat 00:00-24:00", "sun 00:00-24:00"]

[users.ada]
gpus_max = 2

[tags.paper]
gpus_min = 1  # until the deadline
"""


def rules_state(text: str = TEXT, since: float = 1_790_000_000.0) -> RulesState:
    """What a machine tells of this file; a broken one is kept out."""
    checked = check_rules(text)
    good = checked.rules is not None
    return RulesState(
        text=text,
        text_hash=sha256(text.encode()).hexdigest(),
        rules=checked.rules or check_rules(TEXT).rules or MachineRules(),
        in_force_since=since,
        findings=checked.findings,
        last_good=text if good else TEXT,
    )
