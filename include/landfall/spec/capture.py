"""Where changes are captured: the source databases, and the worker of Kafka Connect that reads them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

from landfall.errors import SettingsError, SpecError

CONNECT = ("LANDFALL_CONNECT_URL", "LANDFALL_CONNECT_USER", "LANDFALL_CONNECT_PASSWORD")
"""The variables with the address of the worker's REST API, and with the login that belongs to that address."""
_SOURCE = re.compile(r"LANDFALL_SOURCE_([A-Z][A-Z0-9_]*)_URL")
CAPTURE_ROLE = "landfall_capture"
"""The role as which changes are captured, in every source database."""
CAPTURE_PASSWORD = "LANDFALL_CAPTURE_PASSWORD"  # noqa: S105  (the name of a variable)
"""The variable with that role's password. A connector's configuration only names it; the worker has it in its environment."""
PUBLICATION = "landfall_changes"
"""The publication of a source database: its schema `public`, with the tables that are made later."""
HEARTBEAT = "landfall_heartbeat"
"""The table of a source database that a connector writes to now and then. Its changes are in the publication, so that a slot
moves on while the captured tables rest and others of the same server do not: a slot that stands still holds the server's log."""


@dataclass(frozen=True, kw_only=True)
class SlotAlert:
    """How far a replication slot may be behind before people are told. A lost slot is told in any case.

    Args:
        behind: The time that it may be behind.
        mebibytes: The log of the source's server that it may hold, in MiB.
    """

    behind: timedelta = timedelta(minutes=15)
    mebibytes: int = 256

    def __post_init__(self) -> None:
        if self.behind <= timedelta() or self.mebibytes < 1:
            raise SpecError(
                f"SlotAlert has behind {self.behind}, mebibytes {self.mebibytes}.",
                looked="expected a time above 0, and 1 MiB or more",
            )


@dataclass(frozen=True, kw_only=True)
class ConnectSettings:
    """The REST API of a worker of Kafka Connect. Without a user, it requires no login. Its repr shows no password.

    Raises:
        SettingsError: the address is none, or there is a user without a password or the reverse.
    """

    url: str
    user: str = ""
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"https?://[^/\s@]+", self.url):
            raise SettingsError(
                f"The setting `LANDFALL_CONNECT_URL` is `{self.url.rpartition('@')[2]}`.",
                looked="expected http://HOST:PORT or https://HOST:PORT, without a login",
                next="LANDFALL_CONNECT_URL=http://127.0.0.1:8083    (or unset it: then there is no Kafka Connect)",
            )
        if bool(self.user) is not bool(self.password):
            given, missing = ("USER", "PASSWORD") if self.user else ("PASSWORD", "USER")
            raise SettingsError(
                f"`LANDFALL_CONNECT_{given}` is set, `LANDFALL_CONNECT_{missing}` is not.",
                next="set both, or none of them for a worker without a login",
            )

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> Self | None:
        """The worker that `variables` name; None if they name none."""
        url, user, password = (variables.get(name, "").strip() for name in CONNECT)
        return cls(url=url.rstrip("/"), user=user, password=password) if url else None


def sources(variables: Mapping[str, str]) -> dict[str, str]:
    """Name of a source database -> the libpq URL of its owner, from variables such as LANDFALL_SOURCE_FLOWERS_URL."""
    found = ((_SOURCE.fullmatch(name), url.strip()) for name, url in variables.items())
    return {match[1].lower(): url for match, url in found if match and url}


def source_variable(name: str) -> str:
    """The variable with the URL of the source database `name`."""
    return f"LANDFALL_SOURCE_{name.upper()}_URL"
