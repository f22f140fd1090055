"""Mirrors publications in DynamoDB: written beside the present ones, switched by one item, read whole.

A generation is one attempt to write a publication. Its rows lie under its own name, so two attempts never share a row. The item
`pointer` of a partition names the generation that readers see; writing that item is the switch. The generation before it stays
for those who are reading it, and older ones are deleted.
"""

from landfall.publishing.mirror.items import Generation, Pointer
from landfall.publishing.mirror.look import mirror
from landfall.publishing.mirror.read import MirrorReader
from landfall.publishing.mirror.store import DynamoDB, MirrorStore, client
from landfall.publishing.mirror.write import Copied, ToCopy, mirror_partition

__all__ = [
    "Copied",
    "DynamoDB",
    "Generation",
    "MirrorReader",
    "MirrorStore",
    "Pointer",
    "ToCopy",
    "client",
    "mirror",
    "mirror_partition",
]
