"""# Bike demand by the hour: what really happened, and how far off the forecast was

The riders of one hour land when it is over. They become features to learn from. What was published for that hour is compared
with them, and the error is published as a table and logged to MLflow.

Safe to rerun: every step replaces exactly the hour of its run.
If `publish` is skipped, nothing was published for that hour. If `make_features` fails, its message names the
reasons and the rows are in quarantine.
"""

from airflow.sdk import chain

from landfall.orchestration import make_features, partitioned_dag, publish_errors, wait_for_landing
from landfall.pipelines.bike_hourly import SNAPSHOTS

with partitioned_dag(SNAPSHOTS, doc_md=__doc__) as dag:
    landed = wait_for_landing(SNAPSHOTS.landing)
    features = make_features(SNAPSHOTS)
    published = publish_errors(SNAPSHOTS)

    chain(landed, features, published)
