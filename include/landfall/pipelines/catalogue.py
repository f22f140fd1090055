"""The declarations of this project. A pipeline or a table model belongs to the project once it is in one of these lists.

Only `landfall.pipelines` imports this file, at the first look-up of a declaration.
"""

from landfall.pipelines.bike_demand import BIKE_DEMAND
from landfall.pipelines.iris import IRIS, SPECIES_PRICE

PIPELINES = (BIKE_DEMAND,)
TABLE_MODELS = (IRIS, SPECIES_PRICE)
