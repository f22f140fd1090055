"""What the service is configured with: variables of the environment, read once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from landfall.errors import SettingsError

URL = "LANDFALL_SERVING_URL"
PER_SECOND, CONNECTIONS = "LANDFALL_SERVING_PER_SECOND", "LANDFALL_SERVING_CONNECTIONS"
SECONDS = "LANDFALL_SERVING_SECONDS"
ISSUER, AUDIENCE = "LANDFALL_OIDC_ISSUER", "LANDFALL_OIDC_AUDIENCE"


@dataclass(frozen=True, kw_only=True)
class ServingSettings:
    """Where the service reads, and whom it answers.

    Args:
        database_url: The libpq URL of the predictions database, as the role `landfall_serving`.
        public: Whether whoever asks without a key is answered.
        per_second: How many requests a second a key may make that has no rate of its own; with `public`, one address.
        connections: How many connections to the database the service opens at most.
        seconds: How long a request may take, the arrival of its body included.
        issuer: The OpenID Connect issuer whose tokens are accepted too; empty: none.
        audience: The audience that such a token must name.
    """

    database_url: str = field(repr=False)
    public: bool = False
    per_second: float = 100.0
    connections: int = 8
    seconds: float = 10.0
    issuer: str = ""
    audience: str = ""

    @classmethod
    def read(cls, variables: Mapping[str, str] | None = None, *, public: bool = False) -> Self:
        """The settings in `variables`, which by default are this process's environment.

        Raises:
            SettingsError: a variable is missing or malformed.
        """
        env = os.environ if variables is None else variables
        if not env.get(URL):
            raise SettingsError(
                f"The setting `{URL}` is missing.",
                looked="the environment, and the embedded stack's own file (.landfall/env)",
                next=f"landfall up    (or set {URL} to the predictions database, as the role landfall_serving)",
            )
        issuer, audience = env.get(ISSUER, "").rstrip("/"), env.get(AUDIENCE, "")
        if issuer and not issuer.startswith("https://") and not issuer.startswith("http://127.0.0.1:"):
            raise SettingsError(f"The setting `{ISSUER}` is `{issuer}`.", looked="expected https://HOST")
        if bool(issuer) != bool(audience):
            raise SettingsError(
                f"The settings `{ISSUER}` and `{AUDIENCE}` belong together.",
                looked=f"{ISSUER}={issuer or 'not set'}, {AUDIENCE}={audience or 'not set'}",
                next=f"set {AUDIENCE} to the name that the issuer gives this service, or unset both",
            )
        return cls(
            database_url=env[URL],
            public=public,
            per_second=_number(env, PER_SECOND, 100.0),
            connections=int(_number(env, CONNECTIONS, 8, whole=True)),
            seconds=_number(env, SECONDS, 10.0),
            issuer=issuer,
            audience=audience,
        )


def _number(env: Mapping[str, str], name: str, usual: float, *, whole: bool = False) -> float:
    text = env.get(name, "").strip()
    try:
        value = (int(text) if whole else float(text)) if text else usual
    except ValueError:
        value = 0
    if not 0 < value < 1_000_000:
        noun = "a whole number" if whole else "a number"
        raise SettingsError(
            f"The setting `{name}` is `{text}`.",
            looked=f"expected {noun} over 0, such as {usual:g}",
            next=f"set or unset {name}",
        )
    return value
