"""The schemas of the OpenAPI document: what rows, pages, batches, lists and refusals are made of."""

from landfall.serving.answers import Json


def schemas() -> Json:
    """Name -> schema."""
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
    live = {name: kind for name, kind in row.items() if name not in ("partition", "publication", "published_at")}
    of_live = _object({"found": {"const": True}, **live})
    table: Json = {
        "name": text, "key": {"type": "object"}, "values": {"type": "object"}, "model": {"type": ["string", "null"]},
        "newest": {"type": ["object", "null"]}, "stale": {"type": "array", "items": text},
        "late": {"type": "array", "items": text}, "live": {"type": ["object", "null"]},
    }  # fmt: skip
    nullable = {"type": ["string", "null"], "format": "date-time"}
    return {
        "Row": _object(row),
        "LiveRow": _object(live),
        "Page": _page("Row"),
        "LivePage": _page("LiveRow"),
        "Batch": _object({"table": text, "rows": {"type": "array", "items": {"oneOf": [found, missing]}}}),
        "LiveBatch": _object({"table": text, "rows": {"type": "array", "items": {"oneOf": [of_live, missing]}}}),
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


def _page(row: str) -> Json:
    rows = {"type": "array", "items": {"$ref": f"#/components/schemas/{row}"}}
    return _object({"table": {"type": "string"}, "rows": rows, "next": {"type": ["string", "null"]}})


def _object(properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
