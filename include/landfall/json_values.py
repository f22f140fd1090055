"""The values of JSON as Python reads them."""

from typing import Any

Json = dict[str, Any]
"""An object of JSON, such as the answer of a server."""
