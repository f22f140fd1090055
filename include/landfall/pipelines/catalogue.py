"""What this project declares: a pipeline or a table model is part of it once it is in one of these lists.

Nothing imports this file but `landfall.pipelines`, when somebody first asks for a declaration.
"""

from landfall.pipelines.bike_demand import BIKE_DEMAND
from landfall.pipelines.iris import IRIS, SPECIES_PRICE

PIPELINES = (BIKE_DEMAND,)
TABLE_MODELS = (IRIS, SPECIES_PRICE)
