"""The ledger: what landed, what was read of it, what was made of it, and what therefore has to be done."""

from landfall.ledger.audit import Audit, Start, audit
from landfall.ledger.contracts import note_contract
from landfall.ledger.facts import Claimed, Facts, Read, Refused, Seen
from landfall.ledger.gather import gather
from landfall.ledger.record import (
    close_reading,
    excuse_reading,
    judge_reading,
    note_late,
    open_reading,
    record_landing,
    refuse_reading,
)
from landfall.ledger.standing import Current, Standing, standing

__all__ = [
    "Audit",
    "Claimed",
    "Current",
    "Facts",
    "Read",
    "Refused",
    "Seen",
    "Standing",
    "Start",
    "audit",
    "close_reading",
    "excuse_reading",
    "gather",
    "judge_reading",
    "note_contract",
    "note_late",
    "open_reading",
    "record_landing",
    "refuse_reading",
    "standing",
]
