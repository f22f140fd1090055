"""What is known of one partition, as a page of Airflow's server: `landfall explain`, for who comes from a task's link.

Who may read the DAG may read the page; Airflow mounts what a plugin brings without asking anybody, so each address asks. The
command runs in a process of its own, because a server holds no declaration: it would go on with the one that it has read.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from html import escape
from typing import Any

from landfall.errors import from_dict
from landfall.orchestration.airflow_patches.login_throttle import Receive, Scope, Send

PREFIX = "/landfall"
PATIENCE = 60.0
"""Seconds that the command may take: it asks S3, Postgres and Airflow."""
SHOWN = ("why", "looked", "found", "run", "read", "published", "made_from", "next")
COMMAND = "from landfall.cli import main; main()"
STYLE = """body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
dt { font-weight: 600; margin-top: .8rem; } dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; }
code { background: #8883; padding: .1rem .3rem; } :root { color-scheme: light dark; }"""


class ExplainPage:
    """The application that Airflow mounts. It is made when somebody asks for the first page, not in every process."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._app(scope, receive, send)

    @cached_property
    def _app(self) -> Any:
        from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
        from airflow.api_fastapi.core_api.security import requires_access_dag
        from fastapi import Depends, FastAPI
        from fastapi.responses import HTMLResponse

        app = FastAPI(title="Landfall", openapi_url=None)
        readers = [Depends(requires_access_dag(method="GET", access_entity=DagAccessEntity.RUN))]

        @app.get("/explain/{dag_id}/{pipeline}/{feed}/{partition}", dependencies=readers)
        def explain(dag_id: str, pipeline: str, feed: str, partition: str) -> HTMLResponse:
            told = explanation(f"{pipeline}/{feed}", partition)
            if isinstance(told, str):
                return HTMLResponse(page(f"{pipeline}/{feed} {partition}", [], told), status_code=404)
            if any(each["dag_id"] != dag_id for each in told):  # who may read one DAG may not read all
                return HTMLResponse(page(dag_id, [], f"The DAG `{dag_id}` has no such feed."), status_code=404)
            return HTMLResponse(page(f"{pipeline}/{feed} {partition}", told, ""))

        return app


def explanation(feed: str, partition: str) -> list[dict[str, Any]] | str:
    """What `landfall explain` tells of a partition, or why it cannot."""
    words = [sys.executable, "-c", COMMAND, "explain", "--json", "--", feed, partition]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
        told = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        return f"landfall explain {feed} {partition} did not answer."
    if isinstance(told, list):
        return told
    return str(from_dict({name: str(text) for name, text in told.items()}))


def page(title: str, told: Sequence[Mapping[str, Any]], error: str) -> str:
    """HTML; whatever the store and the database hold stays text."""
    parts = [f"<p>{escape(error)}</p>" if error else ""]
    for each in told:
        rows = (
            f'<dt id="{name}">{name.replace("_", " ")}</dt><dd>{escape(str(each[name]))}</dd>'
            for name in SHOWN
            if each[name]
        )
        parts.append(f"<p><code>{escape(str(each['state']))}</code></p><dl>{''.join(rows)}</dl>")
    if not told and not error:
        parts.append("<p>Nothing is known of this partition.</p>")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    body = f"<h1>{escape(title)}</h1>{''.join(parts)}"
    return f"<!doctype html><html lang=en><head>{head}<style>{STYLE}</style></head><body>{body}</body></html>"
