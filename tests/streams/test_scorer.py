"""A version as a query over the stream's rows, and the versions that a stream refuses."""

from dataclasses import replace

import pytest

from landfall.errors import SpecError, StreamError
from landfall.pipelines.libsvm import LIBSVM_STREAM
from landfall.scoring.form import Classes, Linear, Model
from landfall.scoring.scalars import Element, InputColumn
from landfall.spec import Column
from landfall.streams.scorer import compiled

PIXELS = InputColumn(name="pixels", kind="vector")
LOGISTIC = Model(
    features=tuple(Element(input=PIXELS, position=position) for position in range(3)),
    scorer=Linear(coefficients=((1.0, 2.0, 3.0),), intercepts=(0.5,)),
    decision=Classes(labels=(0.0, 1.0), probability="logistic"),
)


def test_the_model_is_an_expression_over_the_rows() -> None:
    scorer = compiled(LIBSVM_STREAM, "7", LOGISTIC, ("_offset", "label"))
    assert scorer.version == "7"
    assert scorer.probabilities == ("_p0", "_p1")
    assert len(scorer.selects) > 2
    assert any("aggregate(map_entries(b1)" in expression for select in scorer.selects for expression in select)
    assert scorer.selects[-1][:2] == ("k0 AS `_offset`", "k1 AS `label`")


def test_a_model_of_another_column_is_refused_by_name() -> None:
    other = replace(
        LOGISTIC,
        features=tuple(
            Element(input=InputColumn(name="petals", kind="vector"), position=position) for position in range(3)
        ),
    )
    with pytest.raises(StreamError) as refused:
        compiled(LIBSVM_STREAM, "8", other, ())
    assert str(refused.value) == (
        "Version 8 of `libsvm` cannot score `libsvm_stream`: it reads `petals`, a vector.\n"
        "  looked: the stream's rows have time (number), label (number), pixels (vector)\n"
        "  left: the version that served before goes on\n"
        "  next: add `petals` to the stream's contract, or promote another version"
    )


def test_a_column_of_another_kind_is_refused() -> None:
    number = replace(
        LOGISTIC, features=(InputColumn(name="pixels"),), scorer=Linear(coefficients=((1.0,),), intercepts=(0.0,))
    )
    with pytest.raises(StreamError, match=r"reads `pixels`, a number\."):
        compiled(LIBSVM_STREAM, "9", number, ())


def test_a_stream_cannot_have_a_column_that_its_tables_need() -> None:
    contract = replace(
        LIBSVM_STREAM.contract, columns=(*LIBSVM_STREAM.contract.columns, Column(name="offset", type="int"))
    )
    with pytest.raises(SpecError, match="cannot have the column `offset`"):
        replace(LIBSVM_STREAM, contract=contract)


def test_the_time_of_a_stream_is_a_timestamp() -> None:
    with pytest.raises(SpecError, match="names `label` of type `int`"):
        replace(LIBSVM_STREAM, time="label")


def test_a_share_needs_its_sum() -> None:
    with pytest.raises(SpecError, match="sum of the share"):
        replace(LIBSVM_STREAM.window, shares={"accuracy": "corect"})
