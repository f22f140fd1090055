"""# Bike demand: a model that is kept fresh

Decides whether to train whenever actuals have become features or errors, every week, and on demand. `decide` names the
reasons that hold, with their figures: many new days, a feature that has drifted, published predictions that are too far off,
the schedule. Without a reason the run ends skipped. With one, a challenger is fitted on every day that has landed, and `judge`
compares it with the champion on the newest days, which neither has learnt from. A challenger that passes becomes the champion,
after a person's approval if the run's form demands it, and the newest days ahead are scored again.

Safe to rerun: a rerun decides, trains and compares again on what is there, and registers a new version.
If `train` fails, the champion stays; too few days is the usual cause, and the message says how many there are. If `judge` is
skipped, the challenger was refused: its log, `landfall models bike_demand` and MLflow say why. `landfall rollback
bike_demand` goes back to the version that served before.
"""

from airflow.sdk import chain

from landfall.orchestration import (
    approve,
    collect_features,
    decide,
    find_stale,
    judge,
    promote,
    start_runs,
    train,
    training_dag,
)
from landfall.pipelines.bike_demand import TRAINING

with training_dag(TRAINING, doc_md=__doc__) as dag:
    decided = decide(TRAINING)
    collected = collect_features(TRAINING)
    trained = train(TRAINING)
    judged = judge(TRAINING)
    approved = approve(TRAINING)
    promoted = promote(TRAINING)
    stale = find_stale(TRAINING)
    rescored = start_runs(stale)

    chain(decided, collected, trained, judged, approved, promoted, stale, rescored)
