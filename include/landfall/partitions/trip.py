"""A trip: one run takes partitions of one feed from their landing to their publication."""

from dataclasses import dataclass
from functools import cached_property

from landfall.compute.code import code_of
from landfall.database import Database
from landfall.errors import LandfallError
from landfall.ledger import Refused, note_contract, refuse_reading
from landfall.spec import Feed, Partition, Pipeline, Settings


@dataclass(frozen=True)
class Trip:
    """A run on its way with partitions of one feed.

    Args:
        settings: Where the servers are.
        pipeline: The pipeline.
        feed: The feed.
        run_id: The name of the run in the ledger and in the publications.
    """

    settings: Settings
    pipeline: Pipeline
    feed: Feed
    run_id: str

    @cached_property
    def code(self) -> str:
        """The version of the code that computes the rows."""
        return code_of(self.feed)


def refuse(database: Database, trip: Trip, partition: Partition, error: LandfallError) -> None:
    """Notes that a partition failed because of what landed. No audit restarts it until that, the code or the contract changes.

    If something else is at fault, nothing is noted: another try may succeed.
    """
    if error.fault == "input":
        note_contract(database, trip.feed)
        refused = Refused(error.what, trip.code, trip.feed.contract.version)
        refuse_reading(database, trip.feed.full_name, partition, trip.run_id, refused)
