"""The document of OpenAPI 3.1: every path, with an example that tests/serving/test_openapi.py asks the running service."""

from collections.abc import Iterable

import landfall
from landfall.database.statements import plain
from landfall.publishing.keys import parse_key
from landfall.serving.answers import Json, partition_name
from landfall.serving.reader import MOST_KEYS, MOST_ROWS
from landfall.serving.tables import Served

TYPES: dict[str, Json] = {
    "text": {"type": "string"},
    "bigint": {"type": "integer", "format": "int64"},
    "double precision": {"type": "number", "format": "double"},
    "timestamptz": {"type": "string", "format": "date-time"},
}
EXAMPLES: dict[str, object] = {
    "text": "text",
    "bigint": 7,
    "double precision": 41.5,
    "timestamptz": "2012-12-25T12:00:00+00:00",
}
"""Type of a column that is not in the key -> its value in examples."""
EXAMPLE_VERSION, EXAMPLE_PUBLICATION, EXAMPLE_TIME = "3", 17, "2012-12-24T18:00:00+00:00"
MOMENT = "epoch milliseconds or ISO 8601, UTC where no offset is given"


def document(tables: Iterable[Served]) -> Json:
    """The document for these tables."""
    paths: Json = {}
    for served in tables:
        paths[f"/v1/{served.name}"] = {"get": _rows(served)}
        paths[f"/v1/{served.name}:batch"] = {"post": _batch(served)}
        if served.model:
            paths.setdefault(f"/v1/models/{served.model}", {"get": _model(served.model)})
            paths.setdefault(f"/v1/models/{served.model}/served", {"get": _served_at(served.model)})
    paths["/v1/tables"] = {
        "get": _operation("The tables that this key may read, and how fresh each is", "tables", "Tables")
    }
    for path, about, schema in (
        ("/healthz", "Whether the process answers; without a key", "Health"),
        (
            "/readyz",
            "Whether look-ups can be answered; without a key. With one, what is stale and what is late",
            "Health",
        ),
    ):
        paths[path] = {"get": {**_operation(about, "health", schema), "security": []}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Landfall: predictions",
            "version": landfall.__version__,
            "description": "Published predictions by key. An answer never mixes two publications of a partition.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A key of `landfall keys create`, or a token of the issuer that the service knows.",
                }
            },
            "schemas": _schemas(),
        },
    }


def example_row(served: Served) -> Json:
    """The example of a row of a table."""
    table = served.table
    key = parse_key(table, {name: served.example(name) for name in table.key})
    return {
        "table": served.name,
        "key": {name: plain(value) for name, value in key.items()},
        "values": {name: EXAMPLES[table.columns[name]] for name in table.values},
        "model_version": EXAMPLE_VERSION,
        "partition": partition_name(served, key),
        "publication": EXAMPLE_PUBLICATION,
        "published_at": EXAMPLE_TIME,
        "freshness": {"stale": False, "reason": ""},
    }


def _rows(served: Served) -> Json:
    last, table = served.last, served.table
    parameters: list[object] = [
        _parameter(name, _about(served, name), TYPES[table.columns[name]], served.example(name), required=name != last)
        for name in table.key
    ]
    kind = TYPES[table.columns[last]]
    parameters += [
        _parameter(f"{last}_from", f"A page of rows instead of one: from this `{last}` on", kind),
        _parameter(f"{last}_to", f"Before this `{last}`", kind),
        _parameter("after", f"The next page: rows after this `{last}`", kind),
        _parameter(
            "limit", "The most rows of a page", {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": 100}
        ),
        _parameter(
            "as_of", "The number of a publication that is kept, instead of what is published now", {"type": "integer"}
        ),
        _parameter("If-None-Match", "The ETag of an earlier answer", {"type": "string"}, where="header"),
    ]
    row = example_row(served)
    operation = _operation(
        f"One row of `{table.name}` by its key, or a page of rows by a range of `{last}`",
        served.pipeline,
        {"oneOf": [{"$ref": "#/components/schemas/Row"}, {"$ref": "#/components/schemas/Page"}]},
        examples={"row": row, "page": {"table": served.name, "rows": [row], "next": None}},
    )
    responses: Json = {
        **_dict(operation["responses"]),
        "304": {"description": "The caller has this publication already"},
    }
    return {**operation, "parameters": parameters, "responses": responses}


def _batch(served: Served) -> Json:
    key = {name: served.example(name) for name in served.table.key}
    row = example_row(served)
    schema: Json = {
        "type": "object",
        "required": ["keys"],
        "additionalProperties": False,
        "properties": {
            "keys": {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_KEYS,
                "items": {
                    "type": "object",
                    "required": list(served.table.key),
                    "additionalProperties": False,
                    "properties": {name: {"type": ["string", "number"]} for name in served.table.key},
                },
            },
            "as_of": {"type": "integer", "description": "The number of a publication that is kept"},
        },
    }
    operation = _operation(
        f"The rows of up to {MOST_KEYS:,} keys of `{served.table.name}`, in their order, all of one moment",
        served.pipeline,
        "Batch",
        examples={"batch": {"table": served.name, "rows": [{"found": True, **row}]}},
    )
    body = {"required": True, "content": {"application/json": {"schema": schema, "example": {"keys": [key]}}}}
    return {**operation, "requestBody": body}


def _model(model: str) -> Json:
    limit = _parameter("limit", "The most changes", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20})
    return {
        **_operation(f"The version of `{model}` that serves, and the changes before it", "models", "Model"),
        "parameters": [limit],
    }


def _served_at(model: str) -> Json:
    moment = _parameter("at", MOMENT, {"type": "string"}, "2012-12-25T12:00", required=True)
    return {
        **_operation(f"The version of `{model}` that served at a moment", "models", "Change"),
        "parameters": [moment],
    }


def _about(served: Served, name: str) -> str:
    return f"`{name}`: {MOMENT}" if served.table.columns[name] == "timestamptz" else f"`{name}`"


def _parameter(
    name: str, about: str, schema: Json, example: str | None = None, *, required: bool = False, where: str = "query"
) -> Json:
    if schema.get("format") == "date-time":
        schema = {"type": "string"}
    told: Json = {"name": name, "in": where, "description": about, "required": required, "schema": schema}
    return told if example is None else {**told, "example": example}


def _operation(about: str, tag: str, schema: str | Json, *, examples: Json | None = None) -> Json:
    reference = {"$ref": f"#/components/schemas/{schema}"} if isinstance(schema, str) else schema
    content: Json = {"schema": reference}
    if examples:
        content["examples"] = {name: {"value": value} for name, value in examples.items()}
    headers = {
        "ETag": {"description": "The publication's fingerprint", "schema": {"type": "string"}},
        "Landfall-Stale": {
            "description": "Why what is published is stale; absent if it is not",
            "schema": {"type": "string"},
        },
    }
    refusal = {
        "description": "A refusal (RFC 9457); of a key without a row, with the reason and what is published near it",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    answer = {"description": about, "content": {"application/json": content}, "headers": headers}
    return {"summary": about, "tags": [tag], "responses": {"200": answer, "default": refusal}}


def _schemas() -> Json:
    text, number, moment = {"type": "string"}, {"type": "integer"}, {"type": "string", "format": "date-time"}
    row: Json = {
        "table": text,
        "key": {"type": "object"},
        "values": {"type": "object"},
        "model_version": {"type": ["string", "null"]},
        "partition": text,
        "publication": number,
        "published_at": moment,
        "freshness": _object({"stale": {"type": "boolean"}, "reason": text}),
    }
    missing = _object({"found": {"const": False}, "key": {"type": "object"}, "partition": {"type": ["string", "null"]}})
    found = _object({"found": {"const": True}, **row})
    change: Json = {
        "version": {"type": ["string", "null"]},
        "replaced": {"type": ["string", "null"]},
        "since": moment,
        "kind": text,
        "reason": text,
    }
    problem: Json = {
        "type": text, "title": text, "status": number, "detail": text, "looked": text, "next": text,
        "partition": {"type": ["string", "null"]}, "state": text, "why": text, "nearest": {"type": "array", "items": text},
    }  # fmt: skip
    table: Json = {
        "name": text, "key": {"type": "object"}, "values": {"type": "object"}, "model": {"type": ["string", "null"]},
        "newest": {"type": ["object", "null"]}, "stale": {"type": "array", "items": text},
        "late": {"type": "array", "items": text},
    }  # fmt: skip
    nullable = {"type": ["string", "null"], "format": "date-time"}
    return {
        "Row": _object(row),
        "Page": _object(
            {
                "table": text,
                "rows": {"type": "array", "items": {"$ref": "#/components/schemas/Row"}},
                "next": {"type": ["string", "null"]},
            }
        ),
        "Batch": _object({"table": text, "rows": {"type": "array", "items": {"oneOf": [found, missing]}}}),
        "Tables": _object({"tables": {"type": "array", "items": _object(table)}, "known_at": nullable}),
        "Change": {**_object(change), "additionalProperties": True},
        "Model": _object(
            {
                "model": text,
                "version": {"type": ["string", "null"]},
                "since": nullable,
                "changes": {"type": "array", "items": _object(change)},
            }
        ),
        "Health": {**_object({"status": text}), "additionalProperties": True},
        "Problem": {
            **_object(problem),
            "required": ["type", "title", "status", "detail"],
            "additionalProperties": True,
        },
    }


def _object(properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _dict(value: object) -> Json:
    return dict(value) if isinstance(value, dict) else {}
