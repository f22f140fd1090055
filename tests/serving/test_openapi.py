"""The document of OpenAPI is valid, and its examples are what the service answers."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from landfall.publishing.keys import parse_key
from landfall.serving.openapi import DEPLOYED, document, example_row
from landfall.serving.streams import declared_tables
from landfall.serving.tables import PublishedTable
from landfall.spec import Partition

TABLES = declared_tables()
PUBLISHED = [name for name, served in TABLES.items() if isinstance(served, PublishedTable)]
CHANGING = {"publication": None, "published_at": None}


def schema_of(described: Any, schema: Any) -> Any:
    return {**schema, "components": described["components"]}


def without_what_changes(answer: Any) -> Any:
    rows = [{**row, **CHANGING} for row in answer["rows"]] if "rows" in answer else None
    return {**answer, "rows": rows} if rows is not None else {**answer, **CHANGING}


def test_the_document_is_valid() -> None:
    described: Any = document(TABLES.values())
    validate(described)
    assert described["openapi"] == "3.1.0"


@pytest.mark.parametrize("name", TABLES)
def test_the_examples_of_a_table_are_what_is_described(name: str) -> None:
    described: Any = document(TABLES.values())
    get = described["paths"][f"/v1/{name}"]["get"]
    post = described["paths"][f"/v1/{name}:batch"]["post"]
    for operation in (get, post):
        content = operation["responses"]["200"]["content"]["application/json"]
        for example in content["examples"].values():
            Draft202012Validator(schema_of(described, content["schema"])).validate(example["value"])
    body = post["requestBody"]["content"]["application/json"]
    Draft202012Validator(body["schema"]).validate(body["example"])
    given = {one["name"]: one["example"] for one in get["parameters"] if "example" in one}
    answered: Any = example_row(TABLES[name])["key"]
    assert parse_key(TABLES[name].table, given) == parse_key(TABLES[name].table, answered)


def test_a_table_without_publications_takes_no_number_of_one() -> None:
    described: Any = document(TABLES.values())
    for name, served in TABLES.items():
        taken = {one["name"] for one in described["paths"][f"/v1/{name}"]["get"]["parameters"]}
        assert ("as_of" in taken) == isinstance(served, PublishedTable)


@pytest.mark.stack
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_examples_of_a_table_are_what_the_service_answers(conn, steps, serve, name: str) -> None:
    served = TABLES[name]
    assert isinstance(served, PublishedTable)
    row: Any = example_row(served)
    key = parse_key(served.table, row["key"])
    columns = {**key, **row["values"]}
    steps.land(
        conn,
        served.table,
        [tuple(columns[column] for column in served.table.columns)],
        partition=Partition.parse(row["partition"]),
    )
    asked = serve()
    described = asked.get("/openapi.json").json()
    get, post = described["paths"][f"/v1/{name}"]["get"], described["paths"][f"/v1/{name}:batch"]["post"]

    parameters = {one["name"]: one["example"] for one in get["parameters"] if "example" in one}
    body = post["requestBody"]["content"]["application/json"]
    Draft202012Validator(body["schema"]).validate(body["example"])
    last = served.last
    answers = {
        "row": asked.get(f"/v1/{name}", **parameters),
        "page": asked.get(f"/v1/{name}", **{k: v for k, v in parameters.items() if k != last}, limit=5),
        "batch": asked.http.post(f"/v1/{name}:batch", json=body["example"]),
    }
    for what, operation in (("row", get), ("page", get), ("batch", post)):
        content = operation["responses"]["200"]["content"]["application/json"]
        example, answer = content["examples"][what]["value"], answers[what].json()
        assert answers[what].status_code == 200, answer
        for told in (example, answer):
            Draft202012Validator(schema_of(described, content["schema"])).validate(told)
        assert without_what_changes(answer) == without_what_changes(example)


@pytest.mark.stack
def test_every_other_path_answers_as_it_is_described(conn, serve) -> None:
    conn.execute(
        "INSERT INTO landfall.promotions (model, version, at, kind, reason, by_run)"
        " SELECT model, '1', '2012-01-01', 'promoted', 'first', 'run' FROM unnest(%s::text[]) model",
        [[served.model for served in TABLES.values() if served.model]],
    )
    asked = serve()
    described = asked.get("/openapi.json").json()
    assert set(described["paths"]) | {"/metrics", "/openapi.json", "/docs"} == {
        route.path for route in asked.http.app.routes.routes
    }
    for path, methods in described["paths"].items():
        if path.removeprefix("/v1/").partition(":")[0] in TABLES or path.startswith(DEPLOYED):
            continue
        operation = methods["get"]
        answer = asked.get(
            path, **{one["name"]: one["example"] for one in operation.get("parameters", []) if "example" in one}
        )
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        assert answer.status_code == 200, answer.text
        Draft202012Validator(schema_of(described, schema)).validate(answer.json())


@pytest.mark.stack
def test_a_refusal_is_what_is_described(conn, steps, serve) -> None:
    asked = serve()
    described = asked.get("/openapi.json").json()
    problem = schema_of(described, {"$ref": "#/components/schemas/Problem"})
    for answer in (asked.get("/v1/bike_demand"), asked.get("/v1/bike_demand", **steps.key), asked.get("/v1/nowhere")):
        assert answer.status_code in (400, 404)
        Draft202012Validator(problem).validate(answer.json())
