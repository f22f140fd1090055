"""# Bike demand: tomorrow's riders, hour by hour

A weather forecast for one day lands. Each of its hours gets the number of riders that the champion model expects, and
that day is swapped in the prediction table in one transaction. The run of a day is created, and starts waiting, one day ahead.

Safe to rerun: every step replaces exactly the day of its run.
If `wait_for_landing` waits, the forecast is late. If `make_features` fails, its message names the reasons and the rows are
in quarantine. Before there is a model, `publish` waits for the first.
"""

from airflow.sdk import chain

from landfall.orchestration import make_features, partitioned_dag, publish_predictions, wait_for_landing
from landfall.pipelines.bike_demand import FORECAST

with partitioned_dag(FORECAST, doc_md=__doc__) as dag:
    landed = wait_for_landing(FORECAST.landing)
    features = make_features(FORECAST)
    published = publish_predictions(FORECAST)

    chain(landed, features, published)
