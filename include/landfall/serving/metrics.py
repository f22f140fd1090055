"""What Prometheus scrapes: how many were answered and how fast, hits and misses, and how fresh each table is."""

from datetime import UTC, datetime

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from landfall.serving.service import Service
from landfall.serving.tables import PublishedTable

BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """The measures of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.seconds = Histogram(
            "landfall_request_seconds", "Seconds from a request to its answer.", ["route", "status"],
            buckets=BUCKETS, registry=self.registry,
        )  # fmt: skip
        self._answered: dict[tuple[str, int], Histogram] = {}
        self.keys = Counter(
            "landfall_keys_total",
            "Keys that were looked up, by what came of it.",
            ["table", "outcome"],
            registry=self.registry,
        )
        self._gauges = {
            name: Gauge(f"landfall_{name}", about, ["table"], registry=self.registry)
            for name, about in (
                ("published_age_seconds", "Seconds since the newest partition of the table was published."),
                ("landing_delay_seconds", "Seconds from the landing of that partition's objects to its publication."),
                ("rows_of_newest_partition", "Rows of the newest partition."),
                ("stale_partitions", "Published partitions whose inputs, model, code or contract have changed since."),
                ("late_partitions", "Partitions that have not landed although they are due."),
            )
        }
        self.looked_at = Gauge(
            "landfall_freshness_age_seconds",
            "Seconds since these figures were taken from the ledger.",
            registry=self.registry,
        )
        self.lag = Gauge(
            "landfall_stream_lag_rows", "Messages that the stream has not read.", ["stream"], registry=self.registry
        )
        self.connections = Gauge("landfall_connections", "Open connections to the database.", registry=self.registry)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Counts a request, and how long it took."""
        measure = self._answered.get((route, status))
        if measure is None:
            measure = self._answered[route, status] = self.seconds.labels(route, str(status))
        measure.observe(seconds)

    def found(self, table: str, hits: int, misses: int) -> None:
        """Counts keys that had a row, and keys that had none."""
        if hits:
            self.keys.labels(table, "hit").inc(hits)
        if misses:
            self.keys.labels(table, "miss").inc(misses)

    def text(self, service: Service) -> bytes:
        """All measures, in Prometheus' text format."""
        now, known = datetime.now(UTC), service.freshness
        self.connections.set(service.pool.open_connections)
        if known.at is not None:
            self.looked_at.set((now - known.at).total_seconds())
        for stream, standing in known.streams.items():
            self.lag.labels(stream).set(standing.lag_rows)
        for name, served in service.tables.items():
            if not isinstance(served, PublishedTable):
                continue
            stale = sum(table == name for table, _ in known.stale)
            self._gauges["stale_partitions"].labels(name).set(stale)
            self._gauges["late_partitions"].labels(name).set(len(known.late.get(name, ())))
            if newest := known.newest.get(name):
                self._gauges["published_age_seconds"].labels(name).set((now - newest.published_at).total_seconds())
                self._gauges["rows_of_newest_partition"].labels(name).set(newest.rows)
                if newest.landing_delay is not None:
                    self._gauges["landing_delay_seconds"].labels(name).set(newest.landing_delay.total_seconds())
        return generate_latest(self.registry)
