"""What `landfall explain` says about one partition, as a page of Airflow's server, for people who come from a task's link.

Who may read the DAG may read the page. Airflow mounts what a plugin brings without any check, so each address checks this
itself. The command runs in its own process: a server would keep using the declaration that it has read first.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

from landfall.errors import from_dict

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

PREFIX = "/landfall"
PATIENCE = 60.0
"""Seconds that the command may take: it reads from S3, Postgres and Airflow."""
SHOWN = ("why", "looked", "found", "run", "read", "published", "made_from", "next")
COMMAND = "from landfall.cli import main; main()"
STYLE = """body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
dt { font-weight: 600; margin-top: .8rem; } dd { margin: 0; overflow-wrap: anywhere; white-space: pre-wrap; }
code { background: #8883; padding: .1rem .3rem; } :root { color-scheme: light dark; }"""


class ExplainPage:
    """The application that Airflow mounts. It is made at the first request for a page, not in every process."""

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answers a request."""
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
            found_partitions = explanation(f"{pipeline}/{feed}", partition)
            if isinstance(found_partitions, str):
                return HTMLResponse(page(f"{pipeline}/{feed} {partition}", [], found_partitions), status_code=404)
            if any(
                explained["dag_id"] != dag_id for explained in found_partitions
            ):  # who may read one DAG may not read all
                return HTMLResponse(page(dag_id, [], f"The DAG `{dag_id}` has no such feed."), status_code=404)
            return HTMLResponse(page(f"{pipeline}/{feed} {partition}", found_partitions, ""))

        return app


def explanation(feed: str, partition: str) -> list[dict[str, Any]] | str:
    """What `landfall explain` says about a partition, or a text that says why it cannot."""
    words = [sys.executable, "-c", COMMAND, "explain", "--json", "--", feed, partition]
    try:
        result = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
        answer = json.loads(result.stdout)
    except (subprocess.TimeoutExpired, json.JSONDecodeError):
        return f"landfall explain {feed} {partition} did not answer."
    if isinstance(answer, list):
        return answer
    return str(from_dict({name: str(text) for name, text in answer.items()}))


def page(title: str, partitions: Sequence[Mapping[str, Any]], error: str) -> str:
    """The page as HTML. Whatever comes from the store and the database is escaped."""
    parts = [f"<p>{escape(error)}</p>" if error else ""]
    for partition in partitions:
        rows = (
            f'<dt id="{name}">{name.replace("_", " ")}</dt><dd>{escape(str(partition[name]))}</dd>'
            for name in SHOWN
            if partition[name]
        )
        parts.append(f"<p><code>{escape(str(partition['state']))}</code></p><dl>{''.join(rows)}</dl>")
    if not partitions and not error:
        parts.append("<p>Nothing is known of this partition.</p>")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    body = f"<h1>{escape(title)}</h1>{''.join(parts)}"
    return f"<!doctype html><html lang=en><head>{head}<style>{STYLE}</style></head><body>{body}</body></html>"
