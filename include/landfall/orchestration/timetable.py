"""One run per partition: its logical date is the partition's name, created some partitions before or after it begins."""

from datetime import datetime, timedelta
from typing import Any

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable
from airflow.utils.types import DagRunType

from landfall.errors import SpecError
from landfall.spec import Calendar, Partition
from landfall.spec.calendar import Grain

UNITS = {"day": "daily", "hour": "hourly"}


class PartitionTimetable(Timetable):
    """Days or hours as partitions, with one run each.

    A run's logical date is the name of its partition, read in UTC, whatever the time zone of the partitions is: the run of
    25 December in Washington has the logical date 2012-12-25 00:00. Its data interval is written in the same way.

    The run of partition P is created when the partition `ahead` places before P begins: with 1 one partition earlier (a forecast,
    which starts waiting one day ahead), with -1 when P is over (for what is known only afterwards). It can be backfilled.
    Without catch-up, partitions whose runs were never created are skipped, except the newest. An hour that the clocks of the
    zone leave out has no run.

    Airflow sorts and labels runs by `run_after`, before which it starts none. That is the partition's name if that moment has
    passed, in backfills too; for a run ahead of it, it is the moment of its creation.
    """

    periodic = True
    can_be_scheduled = True

    def __init__(self, ahead: int, grain: Grain = "day", timezone: str = "UTC") -> None:
        self.ahead, self.calendar = ahead, Calendar(grain, timezone)
        self.when = {1: f"a {grain} ahead", -1: "when it is over"}.get(ahead, f"{ahead} {grain}s ahead")
        self.description = f"every {timezone} {grain}, {self.when}"

    @property
    def summary(self) -> str:
        """The schedule that the UI shows."""
        zone = "" if self.calendar.timezone == "UTC" else f" ({self.calendar.timezone})"
        return f"{UNITS[self.calendar.grain]}{zone}, {self.when}"

    def serialize(self) -> dict[str, Any]:
        """What the scheduler keeps of this timetable."""
        return {"ahead": self.ahead, "grain": self.calendar.grain, "timezone": self.calendar.timezone}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> "PartitionTimetable":
        """The timetable that `serialize` kept, in this or an earlier version."""
        return cls(**data)

    def infer_manual_data_interval(self, *, run_after: pendulum.DateTime) -> DataInterval:
        """The day or the hour that holds the logical date of a run that is started by hand.

        Raises:
            ValueError: that cannot be a partition; the form shows why.
        """
        try:
            return _interval(self.calendar.checked(self.calendar.named(run_after)))
        except SpecError as error:
            raise ValueError(str(error)) from error

    def generate_run_id(
        self, *, run_type: DagRunType, run_after: pendulum.DateTime, data_interval: DataInterval | None, **extra: Any
    ) -> str:
        """The kind of run and its partition (Airflow's own id would have the day of creation); for a run by hand, the moment."""
        moment = run_after if run_type == DagRunType.MANUAL or data_interval is None else data_interval.start
        return str(run_type.generate_run_id(suffix=moment.isoformat()))

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """The run of the next partition; None after the end date, or if there is no start date."""
        if restriction.earliest is None:
            return None
        calendar, now = self.calendar, pendulum.now("UTC")
        partition = calendar.named(restriction.earliest + calendar.step - timedelta(microseconds=1))
        if last_automated_data_interval is not None:
            partition = max(partition, self._later(calendar.named(last_automated_data_interval.start)))
        if not restriction.catchup:
            partition = max(partition, self._later(calendar.holding(now), self.ahead))
        while not calendar.has(partition) and partition.in_range:
            partition = self._later(partition)
        if restriction.latest is not None and partition.start > restriction.latest:
            return None
        # For the runs of a backfill, Airflow asks with catch-up and names them by `run_after`. It leaves out partitions that are
        # not over.
        over = restriction.catchup and calendar.window(partition)[1] <= now
        created = partition.start if over else calendar.window(self._later(partition, -self.ahead))[0]
        return DagRunInfo(run_after=pendulum.instance(created), data_interval=_interval(partition))

    def _later(self, partition: Partition, steps: int = 1) -> Partition:
        """The partition some places later in the calendar. It may be an hour that the clocks leave out."""
        return self.calendar.named(partition.start + steps * self.calendar.step)

    def next_run_info_from_dag_model(self, *, dag_model: Any) -> DagRunInfo | None:
        """The run that is created now, labelled by its partition if that has begun."""
        info = super().next_run_info_from_dag_model(dag_model=dag_model)
        if info is None or info.logical_date is None:
            return info
        return info._replace(run_after=min(info.run_after, info.logical_date))


def _interval(partition: Partition) -> DataInterval:
    start, end = map(_pendulum, (partition.start, partition.end))
    return DataInterval(start, end)


def _pendulum(moment: datetime) -> pendulum.DateTime:
    return pendulum.instance(moment).in_timezone("UTC")
