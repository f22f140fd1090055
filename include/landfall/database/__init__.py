"""The predictions database: connections, rows read by name, patience with locks, migrations, and errors for a person.

Every room that has tables uses this one.
"""

from landfall.database.connection import NO_END, QUESTION, WORK, HasDatabase, address, connect
from landfall.database.migrations import Applied, Migration, applied, migrate, pending
from landfall.database.patience import Patience
from landfall.database.queries import (
    Database,
    Parameters,
    Query,
    explained,
    fetch,
    fetch_as,
    fetch_numbered,
    fetch_one,
    place,
    require_idle,
    run,
    set_lock_timeout,
)
from landfall.database.rights import SERVING
from landfall.database.statements import Plain, StatementResult, execute, plain

__all__ = [
    "NO_END",
    "QUESTION",
    "SERVING",
    "WORK",
    "Applied",
    "Database",
    "HasDatabase",
    "Migration",
    "Parameters",
    "Patience",
    "Plain",
    "Query",
    "StatementResult",
    "address",
    "applied",
    "connect",
    "execute",
    "explained",
    "fetch",
    "fetch_as",
    "fetch_numbered",
    "fetch_one",
    "migrate",
    "pending",
    "place",
    "plain",
    "require_idle",
    "run",
    "set_lock_timeout",
]
