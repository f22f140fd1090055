"""Tokens of an OpenID Connect issuer: JSON Web Tokens, whose keys the issuer publishes."""

import json
import urllib.request
from functools import cached_property

import jwt

from landfall.serving.problems import Problem

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
"""Those with a public key. One with a shared secret would let whoever reads the issuer's public key make tokens."""
SCOPE = "landfall:"
"""How the words of a token's `scope` begin that name a table: `landfall:bike_demand`, or `landfall:*`."""
TIMEOUT = 5.0


class Tokens:
    """Verifies tokens of one issuer for one audience. Its methods block: call them in a thread."""

    def __init__(self, issuer: str, audience: str) -> None:
        self.issuer, self.audience = issuer, audience

    @cached_property
    def _keys(self) -> jwt.PyJWKClient:
        # The address is the operator's own setting, https or this machine (ServingSettings).
        address = f"{self.issuer}/.well-known/openid-configuration"
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:  # noqa: S310
            document = json.load(answer)
        return jwt.PyJWKClient(str(document["jwks_uri"]), cache_keys=True, lifespan=300, timeout=int(TIMEOUT))

    def verify(self, token: str) -> tuple[str, frozenset[str]]:
        """Whom a token names, and the tables that its scope names.

        Raises:
            Problem: 401: the token is not one of this issuer for this audience, or it has ended; 403: it names no table; 503: the
                issuer does not answer.
        """
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            required = {"require": ["exp", "iss", "aud", "sub"]}
            claims = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=self.audience,
                issuer=self.issuer,
                options=required,  # type: ignore[arg-type]
            )
        except jwt.PyJWKClientConnectionError as error:
            raise _away(self.issuer) from error
        except jwt.PyJWTError as error:
            challenge = {"WWW-Authenticate": 'Bearer realm="landfall", error="invalid_token"'}
            raise Problem(401, f"This token is refused: {error}.", headers=challenge) from None
        except (OSError, ValueError, KeyError) as error:
            raise _away(self.issuer) from error
        words = claims.get("scope", "")
        given = words.split() if isinstance(words, str) else [str(word) for word in words]
        tables = frozenset(word.removeprefix(SCOPE) for word in given if word.startswith(SCOPE))
        if not tables:
            looked = f"its scope has no word such as {SCOPE}bike_demand"
            raise Problem(403, "This token names no table.", members={"looked": looked})
        return str(claims["sub"]), tables


def _away(issuer: str) -> Problem:
    return Problem(503, f"The issuer {issuer} does not answer.", headers={"Retry-After": "5"})
