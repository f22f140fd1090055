"""Traces by OpenTelemetry, if its own variables configure an exporter (`OTEL_EXPORTER_OTLP_ENDPOINT`); else none, at no cost."""

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

CONFIGURED_BY = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Span(Protocol):
    """A request, as it is traced."""

    def end_as(self, route: str, status: int, table: str) -> None:
        """Notes what came of the request. Values of keys are never noted."""

    @property
    def trace_id(self) -> str:
        """The trace that the request belongs to, in hexadecimal; empty if none is made."""


class Tracing(Protocol):
    """Makes a span for each request."""

    def request(self, method: str, headers: Mapping[str, str]) -> AbstractContextManager[Span]:
        """A span for a request, a child of the caller's if the headers name one (`traceparent`)."""

    def close(self) -> None:
        """Sends what was not sent yet."""


class _None:
    """Traces nothing."""

    trace_id = ""

    def end_as(self, route: str, status: int, table: str) -> None:
        """Notes nothing."""

    def request(self, method: str, headers: Mapping[str, str]) -> AbstractContextManager[Span]:
        return nullcontext(self)

    def close(self) -> None:
        """Has nothing to send."""


def tracing(variables: Mapping[str, str] | None = None) -> Tracing:
    """The tracing that the environment configures."""
    env = os.environ if variables is None else variables
    if env.get("OTEL_SDK_DISABLED", "").lower() == "true" or not any(env.get(name) for name in CONFIGURED_BY):
        return _None()
    return _OpenTelemetry()


class _OpenTelemetry:
    """Sends spans by OTLP over HTTP, in batches, from a thread of its own."""

    def __init__(self) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        self._provider = TracerProvider(resource=Resource.create({"service.name": "landfall-serving"}))
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("landfall.serving")

    @contextmanager
    def request(self, method: str, headers: Mapping[str, str]) -> Iterator[Span]:
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        context = TraceContextTextMapPropagator().extract(dict(headers))
        with self._tracer.start_as_current_span(method, context=context, kind=SpanKind.SERVER) as span:
            span.set_attribute("http.request.method", method)
            yield _Noting(span, method)

    def close(self) -> None:
        self._provider.shutdown()


class _Noting:
    """A span that is under way."""

    def __init__(self, span: object, method: str) -> None:
        from opentelemetry.trace import Span as TelemetrySpan

        if not isinstance(span, TelemetrySpan):
            raise TypeError(f"{span!r} is no span")
        self._span, self._method = span, method

    @property
    def trace_id(self) -> str:
        return f"{self._span.get_span_context().trace_id:032x}"

    def end_as(self, route: str, status: int, table: str) -> None:
        self._span.update_name(f"{self._method} {route}")
        self._span.set_attribute("http.route", route)
        self._span.set_attribute("http.response.status_code", status)
        if table:
            self._span.set_attribute("landfall.table", table)
