"""The database: connecting, rows by name, and failures as errors for a person. Every room with tables stands on this one."""

from landfall.database.connection import (
    NO_END,
    QUESTION,
    WORK,
    Database,
    HasDatabase,
    Parameters,
    Query,
    address,
    connect,
    explained,
    fetch,
    fetch_one,
    place,
    require_idle,
    run,
    set_lock_timeout,
)

__all__ = [
    "NO_END",
    "QUESTION",
    "WORK",
    "Database",
    "HasDatabase",
    "Parameters",
    "Query",
    "address",
    "connect",
    "explained",
    "fetch",
    "fetch_one",
    "place",
    "require_idle",
    "run",
    "set_lock_timeout",
]
