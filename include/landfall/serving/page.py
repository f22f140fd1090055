"""The page `/docs`: what the document of OpenAPI says, as HTML. It has no script and asks no other host for anything."""

import json
from html import escape
from typing import Any
from urllib.parse import urlencode

from landfall.serving.answers import Json

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }
code, pre { font: 13px/1.45 ui-monospace, monospace; background: #f3f4f6; border-radius: 4px; }
code { padding: 1px 4px; } pre { padding: .7rem; overflow-x: auto; }
section { border-top: 1px solid #d0d7de; margin-top: 1.5rem; } b { color: #0b5cad; }
table { border-collapse: collapse; } td, th { text-align: left; padding: 2px 1rem 2px 0; vertical-align: top; }
@media (prefers-color-scheme: dark) {
  body { background: #14171c; color: #dfe3e8; } code, pre { background: #20252c; } b { color: #6cb6ff; }
}
"""


def page(document: Json) -> str:
    """The page of a document of this service."""
    described: Any = document
    info = described["info"]
    sections = "".join(
        _section(path, method, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])}</title>'
        f"<style>{STYLE}</style><h1>{escape(info['title'])}</h1><p>{escape(info['description'])}</p>"
        "<p>Every path asks for a key, but where it says otherwise: <code>Authorization: Bearer KEY</code>. "
        '<a href="/openapi.json">openapi.json</a></p>'
        f"{sections}</html>"
    )


def _section(path: str, method: str, operation: Any) -> str:
    parameters = "".join(
        f"<tr><td><code>{escape(one['name'])}</code><td>{'required' if one['required'] else ''}<td>{_marked(one['description'])}"
        for one in operation.get("parameters", [])
    )
    content = operation["responses"]["200"]["content"]["application/json"]
    shown = "".join(f"<pre>{_json(one['value'])}</pre>" for one in content.get("examples", {}).values())
    return (
        f"<section><h2><b>{method.upper()}</b> {escape(path)}</h2><p>{_marked(operation['summary'])}</p>"
        f"<table>{parameters}</table><pre>{escape(_curl(path, operation))}</pre>{shown}</section>"
    )


def _curl(path: str, operation: Any) -> str:
    asked = {one["name"]: one["example"] for one in operation.get("parameters", []) if "example" in one}
    address = f"$LANDFALL_SERVING{path}" + (f"?{urlencode(asked)}" if asked else "")
    key = "" if operation.get("security") == [] else ' -H "Authorization: Bearer $LANDFALL_KEY"'
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
    sent = "" if body is None else f" -H 'Content-Type: application/json' -d '{json.dumps(body)}'"
    return f'curl -s{key}{sent} "{address}"'


def _json(value: object) -> str:
    return escape(json.dumps(value, indent=2, ensure_ascii=False))


def _marked(text: str) -> str:
    """Text with `code` in backquotes."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if number % 2 else part for number, part in enumerate(parts))
