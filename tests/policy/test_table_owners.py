"""A table of Landfall's has one room that owns it; every other room asks that room's functions.

The owner stands in the migrations, above the statement that makes the table: `-- Owner: landfall.ROOM`.
"""

import re
from pathlib import Path

import pytest

from landfall.database.migrations import known

ROOT = Path(__file__).parents[2]
ROOMS = ROOT / "include" / "landfall"
FOR_ANYBODY = {"consumed", "freshness", "stream_standings"}
"""Views that every room, and every person with SQL, may read: docs/architecture.md."""
EXCUSED = {("spark_jobs/staging.py", "staged_parts"), ("spark_jobs/tables.py", "publications")}
"""Executors note what they staged, and a job that joins a prediction table asks which partitions it has: a Spark job may import
no room."""
OWNER = re.compile(r"^-- Owner: landfall\.(\w+)$", re.M)
MADE = re.compile(r"CREATE (?:TABLE IF NOT EXISTS|OR REPLACE VIEW|TABLE|VIEW) landfall\.(\w+)")
USED = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|TABLE|REFERENCES|ONLY|USING|EXISTS|TRUNCATE)\s+landfall\.(\w+)")


def owners() -> dict[str, str]:
    """Table or view -> the room that owns it."""
    found = {"migrations": "database"}
    for migration in known():
        _, *parts = OWNER.split(migration.text)
        for room, statements in zip(parts[::2], parts[1::2], strict=True):
            found |= dict.fromkeys(MADE.findall(statements), room)
    return found


def files() -> list[Path]:
    return [
        path
        for folder in (ROOMS, ROOT / "spark_jobs", ROOT / "dags", ROOT / "plugins")
        for path in folder.rglob("*.py")
    ]


def uses(text: str) -> set[str]:
    """The tables that SQL in a text names."""
    return set(USED.findall(text))


def test_every_table_has_an_owner_that_is_a_room():
    made = {name for migration in known() for name in MADE.findall(migration.text)}
    assert made | {"migrations"} == set(owners())
    assert {room for room in owners().values() if not (ROOMS / room / "__init__.py").exists()} == set()


@pytest.mark.parametrize(
    ("statement", "tables"),
    [
        ("SELECT 1 FROM landfall.claims c\n  JOIN landfall.readings r ON true", {"claims", "readings"}),
        ("INSERT INTO landfall.drift VALUES (1)", {"drift"}),
        ("from landfall.freshness import champion", set()),
        ("`landfall.promotions` says which", set()),
    ],
)
def test_what_names_a_table_is_found_and_what_names_a_module_is_not(statement, tables):
    assert uses(statement) == tables


def test_sql_names_a_table_in_its_owner_room_alone():
    owned = owners()
    strangers = []
    for path in files():
        where = path.relative_to(ROOT).as_posix()
        room = path.relative_to(ROOMS).parts[0] if ROOMS in path.parents else ""
        for table in sorted(uses(path.read_text(encoding="utf-8"))):
            if owned.get(table) != room and table not in FOR_ANYBODY and (where, table) not in EXCUSED:
                strangers.append(
                    f"{where}: landfall.{table} belongs to `{owned.get(table, 'nobody')}`: call its functions"
                )
    assert strangers == []


def test_no_room_makes_or_changes_a_table_but_by_a_migration():
    """A table that is made where it is first needed is made on a read path, and by whoever asks first."""
    made = re.compile(
        r"(?:CREATE|ALTER|DROP) (?:UNIQUE )?(?:TABLE|VIEW|OR REPLACE VIEW|INDEX|SCHEMA)[A-Z ]* landfall[.;\s]"
    )
    found = {path.relative_to(ROOT).as_posix() for path in files() if made.search(path.read_text(encoding="utf-8"))}
    assert found == {"include/landfall/database/migrations.py"}
