"""Writers at a steady pace, and how long each statement of theirs takes."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from in_database.models import CASES, sample
from in_database.tables import KEY, insert, table
from psycopg import sql

from landfall.database import connect
from landfall.spec import Settings

PACE = 0.01
"""Seconds from one statement of a writer to its next, if it is done by then."""


@dataclass
class Waits:
    """Milliseconds of every statement."""

    inserts: list[float] = field(default_factory=list)
    updates: list[float] = field(default_factory=list)


@contextmanager
def writing(where: Settings, name: str, rows: int, first: int) -> Iterator[Waits]:
    """One writer inserts, keys from `first` on; one changes an input of a row of the first `rows`, any of them."""
    waits, stop, broken = Waits(), threading.Event(), []

    def at_work(act: Callable[[psycopg.Connection[tuple[object, ...]], int], object], waits: list[float]) -> None:
        try:
            with connect(where) as conn:
                act(conn, 0)
                number = 1
                while not stop.wait(PACE):
                    began = time.perf_counter()
                    act(conn, number)
                    waits.append((time.perf_counter() - began) * 1000)
                    number += 1
        except psycopg.Error as error:
            broken.append(error)

    acts = (inserting(name, first), waits.inserts), (updating(name, rows), waits.updates)
    writers = [threading.Thread(target=at_work, args=each) for each in acts]
    for one in writers:
        one.start()
    try:
        yield waits
    finally:
        stop.set()
        for one in writers:
            one.join()
    if broken:
        raise SystemExit(f"a writer failed: {broken[0]}")


def inserting(name: str, first: int) -> Callable[[psycopg.Connection[tuple[object, ...]], int], object]:
    """An INSERT of one row."""
    statement, values = insert(name), sample(name, 1000).tolist()
    return lambda conn, number: conn.execute(statement, (first + number, *values[number % 1000]))


def updating(name: str, rows: int) -> Callable[[psycopg.Connection[tuple[object, ...]], int], object]:
    """An UPDATE of one input of one row, by its key: the row is scored again."""
    column, chosen = CASES[name].columns[0], random.Random(1)
    statement = sql.SQL("UPDATE {} SET {} = {} + 0.01 WHERE {} = %s").format(
        table(name), *[sql.Identifier(column)] * 2, sql.Identifier(KEY)
    )
    return lambda conn, number: conn.execute(statement, (chosen.randint(1, rows),))
