"""Every method of an agent in one registry: types, role, scope, audit, streams.

The agent's dispatcher refuses to start when a method has no handler or a handler no method; the
authorisation of every call is decided from this table alone.
"""

from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from msgspec import Struct

from lanherd_protocol import environment_messages as em
from lanherd_protocol import history_messages as hm
from lanherd_protocol import log_messages as lm
from lanherd_protocol import machine_messages as mm
from lanherd_protocol import messages as m
from lanherd_protocol import retention_messages as rm
from lanherd_protocol import rules_messages as rules
from lanherd_protocol import snapshot_messages as sm
from lanherd_protocol.values import Telemetry

Request = TypeVar("Request", bound=Struct)
Response = TypeVar("Response", bound=Struct)
Scope = Literal["machine", "own"]
Channel = Literal["any", "unix"]


@dataclass(frozen=True, slots=True)
class Method(Generic[Request, Response]):
    """One method. `scope` own: below operator, only on objects of the caller's user."""

    name: str
    request: type[Request]
    response: type[Response]
    role: m.Role
    scope: Scope = "machine"
    audit: bool = False
    upload: bool = False
    download: bool = False
    channel: Channel = "any"


@dataclass(frozen=True, slots=True)
class Feed(Generic[Request, Response]):
    """One feed: the type of its parameters and of its events."""

    name: str
    params: type[Request]
    event: type[Response]
    role: m.Role
    scope: Scope = "machine"


MACHINE_SNAPSHOT = Method("machine.snapshot", m.Empty, m.MachineSnapshot, "viewer")
AGENT_STATUS = Method("agent.status", m.Empty, m.AgentStatus, "viewer")
MACHINE_CONTROLS = Method("machine.controls", m.Empty, mm.MachineControls, "viewer")
MACHINE_CORDON = Method("machine.cordon", mm.CordonGpu, mm.MachineControls, "operator", audit=True)
MACHINE_UNCORDON = Method(
    "machine.uncordon", mm.UncordonGpu, mm.MachineControls, "operator", audit=True
)
QUEUE_PAUSE = Method("queue.pause", mm.PauseQueue, mm.MachineControls, "operator", audit=True)
QUEUE_RESUME = Method("queue.resume", mm.ResumeQueue, mm.MachineControls, "operator", audit=True)
QUEUE_LIST = Method("queue.list", mm.ListQueue, mm.QueueListed, "viewer")
RUNS_SUBMIT = Method("runs.submit", m.SubmitRuns, m.RunsSubmitted, "user", audit=True)
RUNS_SUBMIT_STREAM = Method(
    "runs.submit_stream",
    m.SubmitStream,
    m.SubmitStreamed,
    "user",
    audit=True,
    upload=True,
    download=True,
)
RUNS_GET = Method("runs.get", m.GetRun, m.RunChanged, "viewer")
RUNS_LIST = Method("runs.list", m.ListRuns, m.RunList, "viewer")
RUNS_STOP = Method("runs.stop", m.StopRun, m.RunChanged, "user", scope="own", audit=True)
RUNS_CHANGE = Method("runs.change", m.ChangeRun, m.RunChanged, "user", scope="own", audit=True)
RUNS_RESTART = Method("runs.restart", m.RestartRun, m.RunChanged, "user", scope="own", audit=True)
RUNS_REMOVE_FILES = Method(
    "runs.remove_files", m.RemoveRunFiles, m.RunChanged, "user", scope="own", audit=True
)
LOGS_DESCRIBE = Method("logs.describe", lm.DescribeLog, lm.LogDescription, "viewer", scope="own")
LOGS_SEARCH = Method(
    "logs.search", lm.SearchLog, lm.LogSearched, "viewer", scope="own", download=True
)
RETENTION_GET = Method("retention.get", m.Empty, rm.RetentionState, "viewer")
RETENTION_PUT = Method("retention.put", rm.PutRetention, rm.RetentionState, "operator", audit=True)
RETENTION_PLAN = Method("retention.plan", rm.PlanRetention, rm.RetentionPlan, "viewer")
RETENTION_APPLY = Method(
    "retention.apply", rm.ApplyRetention, rm.RetentionPlan, "operator", audit=True
)
LOGS_READ = Method("logs.read", lm.ReadLog, lm.LogEnd, "viewer", scope="own", download=True)
OUTPUTS_LIST = Method("outputs.list", m.ListOutputs, m.OutputList, "viewer", scope="own")
OUTPUTS_READ = Method(
    "outputs.read", m.ReadOutput, m.OutputEnd, "viewer", scope="own", download=True
)
SNAPSHOTS_HAS = Method("snapshots.has", m.HasSnapshot, m.SnapshotPresence, "user")
SNAPSHOTS_MISSING = Method("snapshots.missing", m.FindMissing, m.MissingBlobs, "user")
SNAPSHOTS_PUT_BLOBS = Method("snapshots.put_blobs", m.PutBlobs, m.BlobsStored, "user", upload=True)
SNAPSHOTS_PUT_MANIFEST = Method(
    "snapshots.put_manifest", m.PutManifest, m.SnapshotStored, "user", audit=True, upload=True
)
SNAPSHOTS_LIST = Method("snapshots.list", sm.ListSnapshots, sm.SnapshotList, "user")
SNAPSHOTS_PIN = Method("snapshots.pin", sm.PinSnapshot, sm.SnapshotChanged, "user", audit=True)
SNAPSHOTS_REMOVE = Method(
    "snapshots.remove", sm.RemoveSnapshot, sm.SnapshotChanged, "user", audit=True
)
SNAPSHOTS_COLLECT = Method(
    "snapshots.collect", sm.CollectSnapshots, sm.SnapshotsCollected, "operator", audit=True
)
SNAPSHOTS_VERIFY = Method(
    "snapshots.verify", sm.VerifySnapshots, sm.SnapshotsVerified, "user", download=True
)
ENVIRONMENTS_LIST = Method("environments.list", m.Empty, m.EnvironmentList, "viewer")
ENVIRONMENTS_SHOW = Method("environments.show", em.ShowEnvironments, em.EnvironmentsShown, "viewer")
ENVIRONMENTS_INSPECT = Method(
    "environments.inspect", em.InspectEnvironment, em.EnvironmentDetails, "viewer"
)
ENVIRONMENTS_BUILD = Method(
    "environments.build", em.BuildEnvironment, em.EnvironmentBuilt, "user", download=True
)
ENVIRONMENTS_LOG = Method(
    "environments.log", em.ReadBuildLog, em.BuildLogEnd, "user", download=True
)
ENVIRONMENTS_FREEZE = Method(
    "environments.freeze", em.FreezeEnvironment, em.EnvironmentFrozen, "user", download=True
)
ENVIRONMENTS_REGISTER = Method(
    "environments.register",
    em.RegisterEnvironment,
    em.EnvironmentDetails,
    "operator",
    audit=True,
)
ENVIRONMENTS_REMOVE = Method(
    "environments.remove", em.RemoveEnvironment, em.EnvironmentRemoved, "operator", audit=True
)
ENVIRONMENTS_COLLECT = Method(
    "environments.collect",
    em.CollectEnvironments,
    em.EnvironmentsCollected,
    "operator",
    audit=True,
)
ENVIRONMENTS_REPAIR = Method(
    "environments.repair", em.RepairEnvironment, em.EnvironmentRepaired, "operator", audit=True
)
HISTORY_READ = Method("history.read", hm.ReadHistory, hm.History, "viewer")
RULES_GET = Method("rules.get", m.Empty, rules.RulesState, "viewer")
RULES_PUT = Method("rules.put", rules.PutRules, rules.RulesState, "operator", audit=True)
RULES_CHECK = Method("rules.check", rules.CheckRules, rules.RulesChecked, "viewer")
PAIRING_PAIR = Method("pairing.pair", m.PairDevice, m.Paired, "admin", audit=True, channel="unix")

METHODS: dict[str, Method[Any, Any]] = {
    method.name: method
    for method in (
        MACHINE_SNAPSHOT,
        AGENT_STATUS,
        MACHINE_CONTROLS,
        MACHINE_CORDON,
        MACHINE_UNCORDON,
        QUEUE_PAUSE,
        QUEUE_RESUME,
        QUEUE_LIST,
        RUNS_SUBMIT,
        RUNS_GET,
        RUNS_LIST,
        RUNS_STOP,
        RUNS_CHANGE,
        RUNS_RESTART,
        RUNS_REMOVE_FILES,
        LOGS_READ,
        LOGS_DESCRIBE,
        LOGS_SEARCH,
        OUTPUTS_LIST,
        OUTPUTS_READ,
        SNAPSHOTS_HAS,
        SNAPSHOTS_MISSING,
        SNAPSHOTS_PUT_BLOBS,
        SNAPSHOTS_PUT_MANIFEST,
        SNAPSHOTS_LIST,
        SNAPSHOTS_PIN,
        SNAPSHOTS_REMOVE,
        SNAPSHOTS_COLLECT,
        SNAPSHOTS_VERIFY,
        ENVIRONMENTS_LIST,
        ENVIRONMENTS_SHOW,
        ENVIRONMENTS_INSPECT,
        ENVIRONMENTS_BUILD,
        ENVIRONMENTS_LOG,
        ENVIRONMENTS_FREEZE,
        ENVIRONMENTS_REGISTER,
        ENVIRONMENTS_REMOVE,
        ENVIRONMENTS_COLLECT,
        ENVIRONMENTS_REPAIR,
        RETENTION_GET,
        RETENTION_PUT,
        RETENTION_PLAN,
        RETENTION_APPLY,
        PAIRING_PAIR,
        HISTORY_READ,
        RULES_GET,
        RULES_PUT,
        RULES_CHECK,
        RUNS_SUBMIT_STREAM,
    )
}

FEED_RUNS = Feed("runs", m.Empty, m.RunChanged, "viewer")
FEED_TELEMETRY = Feed("telemetry", m.Empty, Telemetry, "viewer")
FEED_OUTPUTS = Feed("outputs", m.WatchOutputs, m.OutputsChanged, "viewer", scope="own")

FEEDS: dict[str, Feed[Any, Any]] = {
    feed.name: feed for feed in (FEED_RUNS, FEED_TELEMETRY, FEED_OUTPUTS)
}


def may(role: m.Role, needed: m.Role) -> bool:
    """Whether a device with `role` may do what needs `needed`."""
    return m.ROLES.index(role) >= m.ROLES.index(needed)
