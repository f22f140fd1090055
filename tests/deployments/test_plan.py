"""The plan of a deployment is a value, made from what was asked for and what is there: no server is needed."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from landfall.deployments import After, Create, Deployed, Registered, Request, TableName
from landfall.deployments.plan import Plan, plan_deployment, plan_withdrawal
from landfall.deployments.present import Present
from landfall.deployments.scoring import Scoring, compile_scoring
from landfall.deployments.table import NUMBER, TEXT, Table, TableColumn
from landfall.errors import DeploymentError
from landfall.scoring.form import Linear, Model, Value
from landfall.scoring.scalars import Checked, InputColumn

FLOWERS, PRICES = TableName("public", "flowers"), TableName("public", "prices")
REQUEST = Request(table=FLOWERS, model="m")
FILLED = {"prediction": "double precision", "prediction_reason": "text", "model_version": "text"}


def compiled(factor: float = 2.0, version: str = "1", column: str = "x") -> Scoring:
    """A number times a factor."""
    form = Model(
        features=(Checked(input=InputColumn(name=column)),),
        scorer=Linear(coefficients=((factor,),), intercepts=(0.5,)),
        decision=Value(),
    )
    return compile_scoring(Registered(model="m", version=version, form=form), (), "null")


def table(name: TableName = FLOWERS, *, oid: int = 1, filled: bool = False, **more: Any) -> Table:
    """A table of a key and the number `x`, with what the model has filled, if it has."""
    key = TableColumn(name="id", type="bigint", plain="bigint", category="N", in_key=True)
    columns = {"id": key, "x": replace(NUMBER, name="x")}
    if filled:
        columns |= {column: replace(TEXT if kind == "text" else NUMBER, name=column) for column, kind in FILLED.items()}
    return Table(name=name, oid=oid, owner="it's mine", columns=columns, **more)


def there(name: TableName = FLOWERS, number: int = 7, **more: Any) -> Deployed:
    """A deployment that is there."""
    known = {
        "id": number, "table": name, "oid": 1, "gone": False, "model": "m", "version": "1", "run_id": "",
        "kind": "deployed", "for_a_row": "expressions", "trees": 0, "splits": 0, "unscorable": "null", "classes": (),
        "fed_by": None, "feeds": {}, "filled": FILLED, "since": datetime(2012, 12, 25, tzinfo=UTC), "by_role": "r",
        "watched": {"x": "number", "prediction": "number", "prediction_reason": "text", "model_version": "text"},
        "pinned": True,
    }  # fmt: skip
    return Deployed(**{**known, **more})


def begins(plan: Plan) -> list[str]:
    """The statements, as far as their first bracket or clause."""
    return [statement.split("\n")[0].split(" AS $")[0].split(" FOR EACH ROW")[0] for statement in plan.statements]


SCORE = [
    "CREATE OR REPLACE FUNCTION landfall_models.score_7() RETURNS trigger LANGUAGE plpgsql "
    "SET search_path = pg_catalog, pg_temp",
    "REVOKE ALL ON FUNCTION landfall_models.score_7() FROM PUBLIC",
]
TRIGGERS = [
    'CREATE OR REPLACE TRIGGER zz_landfall_scores_1 BEFORE INSERT ON "public"."flowers"',
    'CREATE OR REPLACE TRIGGER zz_landfall_scores_2 BEFORE UPDATE ON "public"."flowers"',
]


def test_a_table_that_is_to_be_made_is_planned_whole_before_it_is_there() -> None:
    declared = Table(name=FLOWERS, oid=0, owner="r", columns={"id": table().columns["id"]})
    request = replace(REQUEST, create=Create(primary_key={"id": "bigint"}), readers=("app",))

    plan = plan_deployment(request, compiled(), Present(number=7, table=declared), "deployed")

    assert plan.statements[:2] == (
        'CREATE TABLE "public"."flowers" (\n    "id" bigint,\n    "x" double precision,\n    PRIMARY KEY ("id")\n)',
        'ALTER TABLE "public"."flowers"\n    ADD COLUMN "prediction" double precision,\n'
        '    ADD COLUMN "prediction_reason" text,\n    ADD COLUMN "model_version" text',
    )
    assert begins(plan)[2:] == [*SCORE, *TRIGGERS, 'GRANT SELECT, INSERT ON "public"."flowers" TO "app"']
    assert plan.ended == ()
    assert plan.entry
    assert (plan.entry.id, plan.entry.kind, plan.entry.filled) == (7, "deployed", FILLED)
    assert plan.entry.watched == {"x": "number", **there().watched}


def test_another_version_replaces_the_function_and_nothing_else() -> None:
    present = Present(number=7, table=table(filled=True), found=there(), scoring=compiled(), filled=FILLED)

    plan = plan_deployment(REQUEST, compiled(3.0, "2"), present, "redeployed")

    assert begins(plan) == SCORE
    assert plan.entry
    assert (plan.entry.kind, plan.entry.scoring.version) == ("redeployed", "2")


def test_the_same_version_again_gets_no_line_in_the_history() -> None:
    scoring = compiled()
    kept = Scoring.from_json(scoring.to_json(), FILLED, ())
    present = Present(number=7, table=table(filled=True), found=there(), scoring=kept, filled=FILLED)

    entry = plan_deployment(REQUEST, scoring, present, "redeployed").entry

    assert entry
    assert entry.kind is None
    assert (kept.outputs, kept.classes) == (scoring.outputs, scoring.classes)


def test_an_earlier_version_comes_back_only_to_a_table_that_has_what_it_reads() -> None:
    present = Present(
        number=7, table=table(filled=True), found=there(version="2"), scoring=compiled(3.0, "2"), filled=FILLED
    )

    back = plan_deployment(REQUEST, compiled(), present, "rolled back")

    assert begins(back) == SCORE
    assert back.entry
    assert (back.entry.kind, back.entry.scoring.version) == ("rolled back", "1")
    with pytest.raises(DeploymentError, match=r"`public\.flowers` has no column `y`, which `m` needs"):
        plan_deployment(REQUEST, compiled(column="y"), present, "rolled back")


def test_a_column_that_only_an_earlier_version_filled_is_filled_on_as_long_as_it_is_there() -> None:
    filled = {**FILLED, "probability_a": "double precision", "probability_b": "double precision"}
    columns = {**table(filled=True).columns, "probability_a": replace(NUMBER, name="probability_a")}
    present = Present(number=7, table=replace(table(), columns=columns), found=there(), filled=filled)

    plan = plan_deployment(REQUEST, compiled(), present, "redeployed")

    assert plan.entry
    assert list(plan.entry.filled) == [*FILLED, "probability_a"]
    assert 'NEW."probability_a" := NULL' in plan.statements[0]
    assert "probability_b" not in "".join(plan.statements)


def test_what_a_dropped_table_of_the_same_name_has_left_goes_first() -> None:
    gone = there(number=3, gone=True, feeds={"x": "y"})
    present = Present(number=7, table=table(), gone=gone)

    plan = plan_deployment(REQUEST, compiled(), present, "deployed")

    assert plan.statements[:2] == (
        "DROP FUNCTION IF EXISTS landfall_models.feed_3()",
        "DROP FUNCTION IF EXISTS landfall_models.score_3()",
    )
    assert plan.ended == (3,)


def test_a_trigger_of_the_table_s_own_that_fires_later_is_a_remark() -> None:
    plan = plan_deployment(REQUEST, compiled(), Present(number=7, table=table(later_triggers=("zzz",))), "deployed")

    assert [statement for statement in plan.statements if statement.startswith("--")] == [
        "-- the trigger `zzz` fires after the row was scored: what it changes the model does not see"
    ]
    assert any("'it''s mine', 'USAGE'" in statement for statement in plan.statements)


def test_a_chain_is_planned_with_the_types_of_its_source() -> None:
    """Also for a table that is yet to be made; the feeding trigger is the source's."""
    source = table(filled=True)
    declared = Table(name=PRICES, oid=0, owner="r", columns={"id": table().columns["id"]})
    request = replace(REQUEST, table=PRICES, create=Create(primary_key={"id": "bigint"}), after=After(table=FLOWERS))
    present = Present(number=8, table=declared, source=there(), source_table=source, deployments=(there(),))

    plan = plan_deployment(request, compiled(column="y"), present, "deployed")

    assert '    "y" double precision,' in plan.statements[0]
    assert 'CREATE OR REPLACE TRIGGER zz_landfall_feeds_8_1 AFTER INSERT ON "public"."flowers"' in begins(plan)
    assert plan.entry
    assert (plan.entry.fed_by, plan.entry.feeds) == (7, {"y": "prediction"})
    text = replace(source, columns={**source.columns, "prediction": replace(TEXT, name="prediction")})
    with pytest.raises(DeploymentError, match=r"The column `y` of `public\.prices` is text"):
        plan_deployment(request, compiled(column="y"), replace(present, source_table=text), "deployed")


def test_a_table_that_feeds_nobody_is_freed_by_two_triggers_and_a_function() -> None:
    plan = plan_withdrawal(there(), [there(), there(PRICES, 8)], drop_columns=True)

    assert plan == Plan(
        statements=(
            'DROP TRIGGER IF EXISTS zz_landfall_scores_1 ON "public"."flowers"',
            'DROP TRIGGER IF EXISTS zz_landfall_scores_2 ON "public"."flowers"',
            "DROP FUNCTION IF EXISTS landfall_models.score_7()",
            'ALTER TABLE "public"."flowers" DROP COLUMN IF EXISTS "prediction", '
            'DROP COLUMN IF EXISTS "prediction_reason", DROP COLUMN IF EXISTS "model_version"',
        ),
        ended=(7,),
    )
