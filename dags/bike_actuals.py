"""# Bike demand: what really happened, and how far off the forecast was

The riders of one day land when it is over. They become features to learn from. What was published for those hours is
compared with them, and the errors are published as a table and logged to MLflow.

Safe to rerun: every step replaces exactly the day of its run.
If `publish` is skipped, nothing was published for that day. If `make_features` fails, its message names the
reasons and the rows are in quarantine.
"""

from airflow.sdk import chain

from landfall.orchestration import make_features, partitioned_dag, publish_errors, wait_for_landing
from landfall.pipelines.bike_demand import ACTUALS

with partitioned_dag(ACTUALS, doc_md=__doc__) as dag:
    landed = wait_for_landing(ACTUALS.landing)
    features = make_features(ACTUALS)
    published = publish_errors(ACTUALS)

    chain(landed, features, published)
