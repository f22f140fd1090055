"""Alerts: what is wrong is told to people, once when it begins and once when it is over.

`wrong` decides what is wrong now, from what `landfall status` shows. `stored` remembers what was told. `sending` tells it, to the
addresses in `LANDFALL_ALERTS`. The audit's run looks: see `landfall.orchestration.steps.audit`.
"""

from landfall.alerts.wrong import Wrong

__all__ = ["Wrong"]
