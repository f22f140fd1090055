"""Models deployed to tables of a real PostgreSQL, each test in a schema of its own."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from psycopg import sql

from landfall.deployments import Create, Deployed, Registered, Request, TableName, deploy
from landfall.scoring.form import Classes, Ensemble, Model, Value
from landfall.scoring.scalars import Checked, InputColumn
from landfall.scoring.trees import Leaf, Split, Tree

KEY = Create(primary_key={"id": "bigint"})


def classifier(threshold: float = 0.0, *, column: str = "x", strict: bool = True) -> Model:
    """Class 0 for `column` up to the threshold, else class 1; a missing value is refused if `strict`."""
    seen = InputColumn(name=column)
    node = Split(feature=0, threshold=threshold, left=Leaf(values=(1.0, 0.0)), right=Leaf(values=(0.0, 1.0)))
    return Model(
        features=(Checked(input=seen) if strict else seen,),
        scorer=Ensemble(trees=(Tree(root=node),), start=(0.0, 0.0)),
        decision=Classes(labels=(0.0, 1.0), probability="scores"),
    )


def constant(value: float, column: str = "x") -> Model:
    """The same number for each row, so that a row shows which model has scored it."""
    leaf = Tree(root=Leaf(values=(value,)))
    return Model(features=(InputColumn(name=column),), scorer=Ensemble(trees=(leaf,)), decision=Value())


@dataclass
class Corner:
    """A schema that no other test has, in a database where models are deployed."""

    conn: "psycopg.Connection[tuple[Any, ...]]"
    url: str
    schema: str
    said: list[str] = field(default_factory=list)
    classifier = staticmethod(classifier)
    constant = staticmethod(constant)
    key = KEY

    def table(self, name: str = "t") -> TableName:
        return TableName(self.schema, name)

    def asked(self, form: Model, version: str = "1", name: str = "t", **more: Any) -> tuple[Request, Registered]:
        """A request for a form, as if it were a registered version; `run_id` is the version's, the rest the request's."""
        model, run_id = more.pop("model", "m"), more.pop("run_id", "")
        request = Request(table=self.table(name), model=model, version=version, **more)
        return request, Registered(model=model, version=version, form=form, run_id=run_id)

    def deploy(self, form: Model, version: str = "1", name: str = "t", **more: Any) -> Deployed:
        """Deploy a form; `only_show` and `patience` go to `deploy`, the rest to `asked`."""
        how = {each: more.pop(each) for each in ("only_show", "patience") if each in more}
        return deploy(self.conn, *self.asked(form, version, name, **more), say=self.said.append, **how)

    def run(self, statement: str, *parameters: object, conn: Any = None) -> list[tuple[Any, ...]]:
        """Run a statement in this schema."""
        cursor = (conn or self.conn).execute(statement.encode(), parameters or None, binary=True)
        return list(cursor) if cursor.description else []

    def connect(self, role: str = "", **more: Any) -> "psycopg.Connection[tuple[Any, ...]]":
        """Another session, of a role made by `make_role`."""
        login: dict[str, Any] = {"user": role, "password": role} if role else {}
        conn = psycopg.connect(self.url, autocommit=True, **login, **more)
        conn.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(self.schema)))
        return conn

    def make_role(self, *, may_use_schema: bool = True) -> str:
        """A role that may log in, and use this schema."""
        name = f"app_{uuid.uuid4().hex[:8]}"
        self.conn.execute(sql.SQL("CREATE ROLE {0} LOGIN PASSWORD {1}").format(sql.Identifier(name), name))
        if may_use_schema:
            use = sql.SQL("GRANT USAGE ON SCHEMA {} TO {}")
            self.conn.execute(use.format(sql.Identifier(self.schema), sql.Identifier(name)))
        self.roles.append(name)
        return name

    roles: list[str] = field(default_factory=list)


@pytest.fixture
def corner(database_url: str) -> Iterator[Corner]:
    with psycopg.connect(database_url, autocommit=True) as conn:
        schema = f"s_{uuid.uuid4().hex[:8]}"
        conn.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
        conn.execute(sql.SQL("SET search_path = {}").format(sql.Identifier(schema)))
        one = Corner(conn, database_url, schema)
        try:
            yield one
        finally:
            conn.execute("RESET ROLE")
            conn.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))
            conn.execute("TRUNCATE landfall.deployed_versions, landfall.deployments RESTART IDENTITY")
            conn.execute("DROP SCHEMA landfall_models CASCADE; CREATE SCHEMA landfall_models")
            for role in one.roles:
                conn.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(sql.Identifier(role)))
