"""Freshness: when to train again, what a challenger must show before it serves, which version served when, and rollback."""

from landfall.freshness.champion import champion
from landfall.freshness.decide import Figures, Reason, decide
from landfall.freshness.drifting import measured_drift, newest_window
from landfall.freshness.figures import collect
from landfall.freshness.gate import judge
from landfall.freshness.history import PromotionRecord, current, history, in_favour, served_at
from landfall.freshness.honest import is_honest, not_honest, served_before, versions_for
from landfall.freshness.promotions import notice, promote
from landfall.freshness.rollback import RolledBack, roll_back_model
from landfall.freshness.serving import Serving, other_aliases
from landfall.freshness.verdict import Check, GateVerdict
from landfall.freshness.watching import note_age, note_decision, note_drift, note_errors, note_refusal, note_verdict
from landfall.freshness.windows import Window, judging_window

__all__ = [
    "Check",
    "Figures",
    "GateVerdict",
    "PromotionRecord",
    "Reason",
    "RolledBack",
    "Serving",
    "Window",
    "champion",
    "collect",
    "current",
    "decide",
    "history",
    "in_favour",
    "is_honest",
    "judge",
    "judging_window",
    "measured_drift",
    "newest_window",
    "not_honest",
    "note_age",
    "note_decision",
    "note_drift",
    "note_errors",
    "note_refusal",
    "note_verdict",
    "notice",
    "other_aliases",
    "promote",
    "roll_back_model",
    "served_at",
    "served_before",
    "versions_for",
]
