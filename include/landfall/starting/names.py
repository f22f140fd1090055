"""The names of columns: those of a file become names that Python, Spark SQL and PostgreSQL take without quotes."""

import re
import unicodedata
from collections.abc import Sequence

from landfall.errors import SpecError
from landfall.spec.tables import ADDED

LONGEST = 40
TAKEN = ("dt", "source", "row", "hour_of_day", "day_of_week", "predicted", "actual", "error", "reasons", *ADDED)
"""Names that the columns of a job, a feature table or a published table have for themselves."""


def plain_names(names: Sequence[str]) -> dict[str, str]:
    """Name in the file -> a name of lower-case letters, digits and underscores, unlike all others, in the same order.

    A name that is plain and not taken stays as it is. Accents are dropped, other signs become underscores, a taken name gets
    `_value`, and a name without a letter becomes `column_N`.

    Raises:
        SpecError: a name is there twice, or two differ only in the case of their letters: Spark takes them for one.
    """
    folded: dict[str, str] = {}
    for name in names:
        if name.casefold() in folded:
            raise SpecError(
                f"The sample has the columns `{shown(folded[name.casefold()])}` and `{shown(name)}`.",
                looked="Spark does not tell upper-case from lower-case names",
                left="nothing was written",
                next="rename one of them in the file",
            )
        folded[name.casefold()] = name
    kept = {name for name in names if _plain(name, 0) == name}
    used, chosen = set(kept), {name: name for name in kept}
    for number, name in enumerate(names, 1):
        if name in kept:
            continue
        stem = plain = _plain(name, number)
        counter = 2
        while plain in used:
            plain, counter = f"{stem}_{counter}", counter + 1
        used.add(plain)
        chosen[name] = plain
    return {name: chosen[name] for name in names}


def _plain(name: str, number: int) -> str:
    ascii_only = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^a-z0-9]+", "_", ascii_only).strip("_")
    plain = plain[:LONGEST].rstrip("_") or f"column_{number}"
    if plain[0].isdigit():
        plain = f"column_{plain}"
    return f"{plain}_value" if plain in TAKEN else plain


def shown(name: str) -> str:
    """The name of a column in the file, for a person: without control characters, and not too long."""
    return name[:LONGEST].encode("unicode_escape").decode()
