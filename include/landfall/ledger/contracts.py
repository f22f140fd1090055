"""Remembers each contract by its version, so that `landfall plan` names what changed since rows were judged by an older one."""

import hashlib
import logging

from psycopg import sql

from landfall.database import Database, explained, fetch
from landfall.errors import SpecError
from landfall.spec import Contract, Feed
from landfall.spec.contract_changes import contract_changes

log = logging.getLogger(__name__)
_NOTE = sql.SQL("""
INSERT INTO landfall.contracts (feed, version, contract) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING 1""")
_KNOWN = sql.SQL("SELECT version, contract FROM landfall.contracts WHERE feed = %s AND version <> %s")


def note_contract(conn: Database, feed: Feed) -> None:
    """Notes the contract that the feed declares now. It is noted once for each version.

    Raises:
        PublishingError: the database cannot be asked.
    """
    with explained(conn, f"The contract of `{feed.full_name}` could not be noted."):
        fetch(conn, _NOTE, [feed.full_name, feed.contract.version, feed.contract.to_json()])


def changes_since(conn: Database, feed: Feed) -> dict[str, str]:
    """Older version of the feed's contract -> what has changed since, in words. Versions that are not known are left out.

    A row whose text does not have its version as digest is left out: nobody but the ledger has reason to write one.

    Raises:
        PublishingError: the database cannot be asked.
    """
    with explained(conn, f"The older contracts of `{feed.full_name}` are not known."):
        rows = fetch(conn, _KNOWN, [feed.full_name, feed.contract.version])
    known = {str(version): _parsed(str(version), str(text)) for version, text in rows}
    return {version: "; ".join(contract_changes(before, feed.contract)) for version, before in known.items() if before}


def _parsed(version: str, text: str) -> Contract | None:
    """The contract of a row; None if it cannot be used, for example because an earlier Landfall wrote it."""
    if hashlib.sha256(text.encode()).hexdigest()[: len(version)] != version:
        log.warning("landfall.contracts has another contract than %r", version)
        return None
    try:
        return Contract.from_json(text)
    except (SpecError, ValueError, TypeError, KeyError) as error:
        log.info("The contract %r is not understood any more: %r", version, error)
        return None
