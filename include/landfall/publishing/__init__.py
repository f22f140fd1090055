"""Prediction tables in PostgreSQL: stage rows, check them, swap one partition in one transaction, roll back, look up."""

from landfall.publishing.fingerprint import Fingerprint
from landfall.publishing.history import (
    Appearance,
    Edition,
    Made,
    PublicationRecord,
    appearances,
    editions,
    first_partitions,
    made,
    publications,
    published,
    published_partitions,
)
from landfall.publishing.keys import parse_key
from landfall.publishing.lookup import Row, lookup
from landfall.publishing.rollback import kept_by, rollback
from landfall.publishing.schema import ensure_table
from landfall.publishing.staging import Publication, find_publication, open_publication
from landfall.publishing.swap import Published, publish, published_by

__all__ = [
    "Appearance",
    "Edition",
    "Fingerprint",
    "Made",
    "Publication",
    "PublicationRecord",
    "Published",
    "Row",
    "appearances",
    "editions",
    "ensure_table",
    "find_publication",
    "first_partitions",
    "kept_by",
    "lookup",
    "made",
    "open_publication",
    "parse_key",
    "publications",
    "publish",
    "published",
    "published_by",
    "published_partitions",
    "rollback",
]
