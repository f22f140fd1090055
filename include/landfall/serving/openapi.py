"""The document of OpenAPI 3.1: every path, with an example that tests/serving/test_openapi.py asks the running service."""

from collections.abc import Iterable

import landfall
from landfall.database.statements import plain
from landfall.publishing.keys import KeyValue, parse_key, without_modifier
from landfall.serving.answers import Json, partition_name
from landfall.serving.live import VERSION
from landfall.serving.reader import MOST_KEYS, MOST_ROWS
from landfall.serving.schemas import schemas
from landfall.serving.tables import PublishedTable, Served

TYPES: dict[str, Json] = {
    "text": {"type": "string"},
    "bigint": {"type": "integer", "format": "int64"},
    "double precision": {"type": "number", "format": "double"},
    "smallint": {"type": "integer"},
    "integer": {"type": "integer", "format": "int32"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "text[]": {"type": "array", "items": {"type": "string"}},
    "timestamptz": {"type": "string", "format": "date-time"},
}
EXAMPLES: dict[str, object] = {
    "text": "text",
    "bigint": 7,
    "double precision": 41.5,
    "smallint": 7,
    "integer": 7,
    "boolean": False,
    "date": "2012-12-25",
    "text[]": ["3"],
    "timestamptz": "2012-12-25T12:00:00+00:00",
}
"""Type of a column that is not in the key -> its value in examples."""
EXAMPLE_VERSION, EXAMPLE_PUBLICATION, EXAMPLE_TIME = "3", 17, "2012-12-24T18:00:00+00:00"
MOMENT = "epoch milliseconds or ISO 8601, UTC where no offset is given"


def document(tables: Iterable[Served]) -> Json:
    """The document for these tables."""
    paths: Json = {}
    tables = list(tables)
    for served in tables:
        paths[f"/v1/{served.name}"] = {"get": _rows(served)}
        paths[f"/v1/{served.name}:batch"] = {"post": _batch(served)}
        if served.model:
            paths.setdefault(f"/v1/models/{served.model}", {"get": _model(served.model)})
            paths.setdefault(f"/v1/models/{served.model}/served", {"get": _served_at(served.model)})
    paths[DEPLOYED] = {"get": _rows_of_deployed()}
    paths[f"{DEPLOYED}:batch"] = {"post": _batch_of_deployed()}
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
            "schemas": schemas(),
        },
    }


def example_row(served: Served) -> Json:
    """The example of a row of a table."""
    table = served.table
    key = parse_key(table, {name: served.example(name) for name in table.key})
    publication: Json = {}
    if isinstance(served, PublishedTable):
        publication = {
            "partition": partition_name(served, key),
            "publication": EXAMPLE_PUBLICATION,
            "published_at": EXAMPLE_TIME,
        }
    has_version = isinstance(served, PublishedTable) or VERSION in table.columns
    return {
        "table": served.name,
        "key": {name: _shown(table.columns[name], value) for name, value in key.items()},
        "values": {name: EXAMPLES.get(without_modifier(table.columns[name]), "text") for name in served.values},
        "model_version": EXAMPLE_VERSION if has_version else None,
        **publication,
        "freshness": {"stale": False, "reason": ""},
    }


def _shown(kind: str, value: KeyValue) -> object:
    """A parsed value of a key column as answers show it: some types go to PostgreSQL as text, and come back as they are."""
    return value == "true" if without_modifier(kind) == "boolean" else plain(value)


def _type(kind: str) -> Json:
    return TYPES.get(without_modifier(kind), TYPES["text"])


def _rows(served: Served) -> Json:
    last, table, published = served.last, served.table, isinstance(served, PublishedTable)
    parameters: list[object] = [
        _parameter(name, _about(served, name), _type(table.columns[name]), served.example(name), required=name != last)
        for name in table.key
    ]
    kind = _type(table.columns[last])
    parameters += [
        _parameter(f"{last}_from", f"A page of rows instead of one: from this `{last}` on", kind),
        _parameter(f"{last}_to", f"Before this `{last}`", kind),
        _parameter("after", f"The next page: rows after this `{last}`", kind),
        _parameter(
            "limit", "The most rows of a page", {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": 100}
        ),
        *([AS_OF] if published else []),
        TAG,
    ]
    row, schema = example_row(served), "Row" if published else "LiveRow"
    operation = _operation(
        f"One row of `{table.name}` by its key, or a page of rows by a range of `{last}`",
        served.group,
        _row_or_page(schema),
        examples={"row": row, "page": {"table": served.name, "rows": [row], "next": None}},
    )
    responses: Json = {
        **_dict(operation["responses"]),
        "304": {"description": "The caller has this publication already, or this row"},
    }
    return {**operation, "parameters": parameters, "responses": responses}


def _row_or_page(row: str) -> Json:
    page = "Page" if row == "Row" else "LivePage"
    return {"oneOf": [{"$ref": f"#/components/schemas/{row}"}, {"$ref": f"#/components/schemas/{page}"}]}


def _rows_of_deployed() -> Json:
    """The rows of a table that a model is deployed to: which there are, and their columns, `GET /v1/tables` says."""
    operation = _operation(
        "One row of a table with a deployed model by its primary key, or a page of rows by a range of the key's last column",
        "deployed",
        _row_or_page("LiveRow"),
    )
    key = {
        "name": "key",
        "in": "query",
        "description": "The columns of the primary key; for a page all but the last, and `LAST_from`, `LAST_to`, `limit`",
        "required": False,
        "style": "form",
        "explode": True,
        "schema": {"type": "object", "additionalProperties": {"type": "string"}},
    }
    return {**operation, "parameters": [DEPLOYED_TABLE, key, TAG]}


def _batch_of_deployed() -> Json:
    operation = _operation(f"The rows of up to {MOST_KEYS:,} primary keys, in their order", "deployed", "LiveBatch")
    item = {"type": "object", "additionalProperties": {"type": ["string", "number"]}}
    keys = {"type": "array", "minItems": 1, "maxItems": MOST_KEYS, "items": item}
    schema = {"type": "object", "required": ["keys"], "additionalProperties": False, "properties": {"keys": keys}}
    body = {"required": True, "content": {"application/json": {"schema": schema, "example": {"keys": [{"id": 7}]}}}}
    return {**operation, "parameters": [DEPLOYED_TABLE], "requestBody": body}


def _batch(served: Served) -> Json:
    key = {name: served.example(name) for name in served.table.key}
    row, published = example_row(served), isinstance(served, PublishedTable)
    as_of: Json = {"as_of": {"type": "integer", "description": "The number of a publication that is kept"}}
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
            **(as_of if published else {}),
        },
    }
    operation = _operation(
        f"The rows of up to {MOST_KEYS:,} keys of `{served.table.name}`, in their order, all of one moment",
        served.group,
        "Batch" if published else "LiveBatch",
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


AS_OF = _parameter(
    "as_of", "The number of a publication that is kept, instead of what is published now", {"type": "integer"}
)
TAG = _parameter("If-None-Match", "The ETag of an earlier answer", {"type": "string"}, where="header")
DEPLOYED = "/v1/deployed/{table}"
DEPLOYED_TABLE = _parameter("table", "SCHEMA.TABLE", {"type": "string"}, "public.flowers", required=True, where="path")


def _operation(about: str, tag: str, schema: str | Json, *, examples: Json | None = None) -> Json:
    reference = {"$ref": f"#/components/schemas/{schema}"} if isinstance(schema, str) else schema
    content: Json = {"schema": reference}
    if examples:
        content["examples"] = {name: {"value": value} for name, value in examples.items()}
    headers = {
        "ETag": {
            "description": "The publication's fingerprint; of rows without a publication, a digest of them",
            "schema": {"type": "string"},
        },
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


def _dict(value: object) -> Json:
    return dict(value) if isinstance(value, dict) else {}
