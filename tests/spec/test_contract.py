"""The contract's limits: how they travel to a job, and that a contract without them is the one that it was."""

import pytest

from landfall.errors import SpecError
from landfall.pipelines.bike_demand import FORECAST_HOURS
from landfall.spec import Column, Contract

COLUMNS = (Column(name="day", type="date"),)


def contract(**limits: int) -> Contract:
    return Contract(columns=COLUMNS, key=("day",), partition_by="day", **limits)  # type: ignore[arg-type]


def test_declared_limits_reach_the_job() -> None:
    declared = contract(max_bytes=10, max_line_bytes=5)
    assert Contract.from_json(declared.to_json()) == declared
    assert Contract.from_json(contract().to_json()) == contract()


def test_a_contract_without_limits_of_its_own_is_as_it_was() -> None:
    """Its digest is in the fingerprint of every publication: another one would make all of them stale."""
    assert "max_bytes" not in contract().to_json()
    assert contract().version != contract(max_bytes=10).version
    assert FORECAST_HOURS.version == "ff7d10c2fd48"


@pytest.mark.parametrize("field", ["max_bytes", "max_line_bytes"])
def test_a_limit_below_one_is_refused(field: str) -> None:
    with pytest.raises(SpecError) as refused:
        contract(**{field: 0})
    assert str(refused.value) == f"Contract.{field} is 0.\n  looked: expected a number of bytes, 1 or more"
