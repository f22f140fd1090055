"""# Bike demand: tomorrow's riders, hour by hour

A weather forecast for one day lands. Each of its hours gets the number of riders that the champion model expects, and
that day is swapped in the prediction table in one transaction. The run of a day is created, and starts waiting, one day ahead.

Safe to rerun: every step replaces exactly the day of its run.
If `wait_for_landing` waits, the forecast is late. If `check_contract` fails, its message names the reasons and the rows are
in quarantine. Before there is a model, `score` waits for the first.
"""

from airflow.sdk import chain

from landfall.orchestration import check_contract, make_features, partitioned_dag, publish, score, wait_for_landing
from landfall.pipelines.bike_demand import FORECAST, TRAINING

with partitioned_dag(FORECAST, doc_md=__doc__) as dag:
    landed = wait_for_landing(FORECAST.landing)
    features = make_features(FORECAST)
    kept = check_contract(FORECAST)
    scored = score(FORECAST, model=TRAINING.model)
    published = publish(FORECAST, staged_by=scored)

    chain(landed, features, kept, scored, published)
