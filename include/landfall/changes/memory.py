"""Which rows of the source were used, by key, with a digest of the values that were read.

It is how a row that comes again is known: from a snapshot that was begun again or taken anew after a lost slot, or in an event
that was sent twice. It holds a key and 32 letters for each row of the source.
"""

from collections.abc import Mapping

Place = tuple[str, str]
"""A topic, and the key of a row."""


class Memory:
    """What is remembered of some rows, and what has changed of it.

    Args:
        known: Topic and key -> digest, for all rows that the events of a batch name and that were used before.
    """

    def __init__(self, known: Mapping[Place, str]) -> None:
        self._known = dict(known)
        self.forgotten_topics: list[str] = []
        """The topics of which all is forgotten, before `changed`."""
        self.changed: dict[Place, str | None] = {}
        """What is to be written: digest, or None where a row is forgotten."""

    def of(self, topic: str, key: str) -> str | None:
        """The digest of a row; None if it was not used."""
        return self._known.get((topic, key))

    def remember(self, topic: str, key: str, digest: str) -> None:
        """The row was used."""
        self._known[topic, key] = self.changed[topic, key] = digest

    def forget(self, topic: str, key: str) -> None:
        """The row is gone. If its key comes again, it is another row."""
        self._known.pop((topic, key), None)
        self.changed[topic, key] = None

    def forget_all(self, topic: str) -> None:
        """All rows of a topic's table are gone."""
        self._known = {place: digest for place, digest in self._known.items() if place[0] != topic}
        self.changed = {place: digest for place, digest in self.changed.items() if place[0] != topic}
        if topic not in self.forgotten_topics:
            self.forgotten_topics.append(topic)

    def rename(self, topic: str, key: str, becomes: str) -> None:
        """The row has another key from now on."""
        digest = self.of(topic, key)
        self.forget(topic, key)
        if digest is not None:
            self.remember(topic, becomes, digest)
