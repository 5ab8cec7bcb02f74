"""The tables of an agent's database, version by version.

Bodies are msgpack of the structs that the code uses; the columns beside them are what is searched
for. A version is a script that brings the database from the one before; it is never edited once
it was released.
"""

VERSIONS: tuple[str, ...] = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE runs (
        ordinal INTEGER PRIMARY KEY,
        run TEXT NOT NULL UNIQUE,
        ended INTEGER NOT NULL,
        body BLOB NOT NULL
    );
    CREATE INDEX runs_not_ended ON runs (ordinal) WHERE ended = 0;
    CREATE TABLE events (seq INTEGER PRIMARY KEY, run TEXT NOT NULL, body BLOB NOT NULL);
    CREATE TABLE effects (id TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE commands (
        number INTEGER PRIMARY KEY,
        command TEXT NOT NULL UNIQUE,
        body BLOB NOT NULL
    );
    CREATE TABLE devices (device TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE audit (number INTEGER PRIMARY KEY, body BLOB NOT NULL);
    """,
    """
    CREATE TABLE machine (number INTEGER PRIMARY KEY CHECK (number = 1), body BLOB NOT NULL);
    """,
)

TABLES = frozenset(("meta", "runs", "events", "effects", "commands", "devices", "audit", "machine"))

CREATE_VERSION_TABLE = "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)"
