"""Iris, learnt while it answers: k-means over the rows of one table of a database, for the rows of another.

The tables are those of the SQL files beside the samples (`landfall/samples/iris_online`): four measures in centimetres and the
class, 0, 1 or 2, of the 150 flowers of R. A. Fisher (1936, doi:10.1111/j.1469-1809.1936.tb02137.x).
"""

from landfall.pipelines.iris import MEASURES, SPECIES
from landfall.spec import DecayedKMeans, DriftAlarm, KafkaTopic, OnlineLearner, SourceTable

IRIS_ONLINE = OnlineLearner(
    name="iris_online",
    database="flowers",
    learns_from=SourceTable(name="iris_train"),
    answers_for=SourceTable(name="iris_test"),
    features=MEASURES,
    # Three species are three clusters. Half of what 500 rows have taught is left after the next 500.
    algorithm=DecayedKMeans(clusters=3, half_life=500),
    label="iris_class",
    classes=SPECIES,
    step=5,
    window=50,
    drift=DriftAlarm(test="adwin", then="faster"),
    publish_to=KafkaTopic(name="iris_predictions", partitions=1),
    keep_state_every=50,
)
