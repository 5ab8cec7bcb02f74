"""Every bound of the wire and of the queues behind it, with its unit in its name."""

KIB = 1024
MIB = 1024 * KIB

CONTROL_FRAME_BYTES_MAX = 1 * MIB
BULK_CHUNK_BYTES_MAX = 1 * MIB
"""Bytes of a stream in one bulk frame; senders usually cut smaller, see BULK_CHUNK_BYTES."""
BULK_CHUNK_BYTES = 256 * KIB
HELLO_FRAME_BYTES_MAX = 16 * KIB
"""Before the hellos are exchanged nothing larger than this is buffered."""

STREAM_CREDIT_BYTES = 4 * MIB
"""How far a sender may run ahead of the reader of one stream."""
STREAM_CREDIT_BYTES_MAX = 64 * MIB
OUTGOING_BYTES_MAX = 16 * MIB
"""Bytes waiting for the socket at which a connection stops taking events."""
OUTGOING_BULK_BYTES_MAX = 1 * MIB
"""The same for bulk bytes: a gauge waits behind no more than this, however fast a log is read."""
OUTGOING_BYTES_HARD_MAX = 2 * OUTGOING_BYTES_MAX
"""A peer that asks on without reading the answers is told goodbye at this many bytes."""

CALLS_IN_FLIGHT_MAX = 1024
SUBSCRIPTIONS_MAX = 256
FEED_QUEUE_EVENTS_MAX = 4096
"""Events that wait for one slow subscriber before it is told of a gap."""
FEED_QUEUE_BYTES_MAX = 8 * MIB
"""The same in bytes, whichever is reached first."""
CALL_IDS_MAX = 0xFFFF_FFFF
"""Calls and subscriptions that one connection can number."""
FAILURE_TEXT_CHARS_MAX = 64 * KIB
"""A failure's message is cut to this, so that a builder's long output still fits a frame."""
UNKNOWN_TAG_CHARS_MAX = 64

HEARTBEAT_S = 5.0
DEAD_AFTER_S = 15.0
HELLO_TIMEOUT_S = 10.0
LINGER_S = 1.0
"""How long a closed connection stays to let its last words be read."""
CONNECT_STAGGER_S = 0.25
"""A machine's next address is tried this long after the one before."""
STRANGERS_MAX = 64
"""Connections that have not said a valid hello yet, at once."""

ENVIRONMENT_NAME_CHARS_MAX = 64
"""Of a registered environment, of an extra, of a group."""
ENVIRONMENT_PACKAGES_MAX = 1000
REQUIREMENT_CHARS_MAX = 1000
PYTHON_CHARS_MAX = 64
RUN_NAME_CHARS_MAX = 200
COMMAND_ARGUMENTS_MAX = 4096
COMMAND_BYTES_MAX = 256 * KIB
RUN_ENV_VARIABLES_MAX = 1024
RUNS_PER_SUBMIT_MAX = 10_000
SUBMIT_BYTES_MAX = 32 * MIB
"""Of one submit in a stream, with the values of its secrets: 3 KiB for each of so many runs."""
SUBMITTED_BYTES_MAX = 2 * SUBMIT_BYTES_MAX
"""Of its answer."""
RUNS_LOOKED_THROUGH_MAX = 10_000
"""Ended runs that an agent looks through for one page of those that a filter lets through."""
RUN_LIST_PAGE_MAX = 1000
GPUS_PER_RUN_MAX = 64
PRIORITY_MAX = 100
"""Priorities go from minus this to this; 0 is usual."""
GROUP_KEY_CHARS_MAX = 128
TAGS_PER_RUN_MAX = 32
TAG_CHARS_MAX = 64
NOTES_CHARS_MAX = 4096
SECRETS_PER_RUN_MAX = 64
SECRET_BYTES_MAX = 64 * KIB
DEPENDENCIES_PER_RUN_MAX = 256
ATTEMPTS_PER_RUN_MAX = 100
TIME_LIMIT_S_MAX = 10 * 365 * 86_400.0
BACKOFF_S_MAX = 30 * 86_400.0
BACKOFF_FACTOR_MAX = 10.0
NICENESS_MAX = 19
LOG_CAP_BYTES_MIN = 1 * MIB
LOG_CAP_BYTES_MAX = 1024 * 1024 * 1024 * MIB
LOG_TIMES_MAX = 4096
"""Points of a log's time index in one description."""
LOG_PATTERN_CHARS_MAX = 4096
LOG_MATCHES_MAX = 100_000
LOG_MATCH_LINE_BYTES_MAX = 4 * KIB
RETENTION_RULES_MAX = 256
REMOVALS_LISTED_MAX = 1000
HISTORY_POINTS_MAX = 6000
"""Points of one answer about the past: a week in steps of two minutes has 5,040."""

MANIFEST_ENTRIES_MAX = 200_000
MANIFEST_BYTES_MAX = 64 * MIB
"""An encoded manifest: room for about a million blobs."""
PATH_BYTES_MAX = 4096
PATH_COMPONENT_BYTES_MAX = 255
PATH_NAMES_MAX = 128
"""How deep a tree may be; a program that walks it holds one descriptor for each level."""
LOCK_BYTES_MAX = 16 * MIB
BLOB_BYTES_MAX = 1 * MIB
"""Files above this are cut into blobs of exactly this size, the last one smaller."""
HASHES_PER_CALL_MAX = 10_000
SNAPSHOT_UNUSED_S_MAX = 7 * 86_400.0
"""A snapshot that nothing needs is collected when it wasn't used for so long: a week, so that what
was pushed before a weekend or a short leave needn't be pushed again."""
SNAPSHOT_LIST_PAGE_MAX = 1000
PIN_NOTE_CHARS_MAX = 200

OUTPUT_ENTRIES_MAX = 20_000
LOG_READ_BYTES_MAX = 64 * MIB
