"""How far a database has been migrated, read in one query, compared with the migrations that the installed code has.

Both MLflow and Airflow migrate with Alembic: the database holds its revision in `alembic_version`, and the code has one file for
each revision. Neither package is imported: that would take seconds at each start.
"""

import re
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import psycopg

from landfall.errors import StackError

_REVISION = re.compile(r"^revision(?:\s*:[^=]+)?\s*=\s*[\"'](\w+)[\"']", re.MULTILINE)
_BEFORE = re.compile(r"^down_revision(?:\s*:[^=]+)?\s*=\s*(.*)$", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The tables of one program.

    Args:
        name: The program; its package and its database have the same name.
        distribution: The installed distribution.
        folder: The folder of the migrations in the package.
    """

    name: str
    distribution: str
    folder: str

    @property
    def installed(self) -> str:
        """The program with its version, such as `mlflow 3.17.2`."""
        return f"{self.name} {version(self.distribution)}"

    def known(self) -> tuple[set[str], str]:
        """The revisions that the installed code knows, and the newest of them.

        Raises:
            StackError: the package is not installed, or its migrations do not have exactly one end.
        """
        spec = find_spec(self.name)  # for a nested package it would import the outer one
        places = list(spec.submodule_search_locations or ()) if spec else []
        texts = [file.read_text(encoding="utf-8") for place in places for file in Path(place, self.folder).glob("*.py")]
        revisions = {revision for text in texts for revision in _REVISION.findall(text)}
        before = {
            word for text in texts for line in _BEFORE.findall(text) for word in re.findall(r"[\"'](\w+)[\"']", line)
        }
        ends = revisions - before
        if len(ends) != 1:
            raise StackError(
                f"The migrations of `{self.name}` have {len(ends)} ends.",
                looked=f"{self.name}/{self.folder}: {len(revisions)} revisions",
                next="pip install -r requirements.txt",
            )
        return revisions, ends.pop()

    def is_due(self, url: str) -> bool:
        """True if the database at `url` has to be migrated: it has no tables yet, or those of an older version.

        Raises:
            StackError: its tables are from a newer version than the installed one, or it does not answer.
        """
        revisions, newest = self.known()
        current = revision_at(self.name, url)
        if current and current not in revisions:
            raise StackError(
                f"The tables of `{self.name}` were made by a newer version than {self.installed}, which is installed.",
                looked=f"revision {current} in the database `{self.name}`; the newest known here is {newest}",
                left="nothing was migrated; data is kept",
                next="pip install -r requirements.txt    (of the checkout that the stack was last started from)",
            )
        return current != newest


MLFLOW = Schema(name="mlflow", distribution="mlflow", folder="store/db_migrations/versions")
AIRFLOW = Schema(name="airflow", distribution="apache-airflow-core", folder="migrations/versions")


def revision_at(name: str, url: str) -> str | None:
    """The revision of the tables in a database; None if there are no tables yet.

    Raises:
        StackError: the database does not answer.
    """
    try:
        with psycopg.connect(re.sub(r"^postgresql\+\w+", "postgresql", url), connect_timeout=5) as connection:
            if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
                return None
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except psycopg.Error as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[-1]
        raise StackError(
            f"The revision of the tables of `{name}` could not be read.", looked=reason, next="landfall logs postgres"
        ) from error
    return str(row[0]) if row else None
