"""What `landfall stream send` sends."""

import json
from itertools import islice, pairwise

import pytest

from landfall.errors import SpecError
from landfall.pipelines.libsvm import LIBSVM_STREAM, sparse_pictures
from landfall.streams.send import MALFORMED, Faults, messages


def sent(faults: Faults, count: int = 2000) -> list[bytes]:
    return list(islice(messages(LIBSVM_STREAM, faults), count))


def test_rows_are_those_of_the_sample_with_the_present_time() -> None:
    rows = [json.loads(message) for message in sent(Faults(), 100)]
    assert [row["label"] for row in rows] == [row["label"] for row in sparse_pictures()]
    assert all(0 <= int(at) < 692 for row in rows for at in row["pixels"])
    assert {row["time"][-6:] for row in rows} == {"+00:00"}


def test_the_shares_of_faults_are_about_those_that_were_asked_for() -> None:
    assert 60 < sum(message in MALFORMED for message in sent(Faults(malformed=0.05))) < 150
    twice = sent(Faults(duplicate=0.1))
    assert 120 < sum(before == after for before, after in pairwise(twice)) < 260


def test_a_share_is_a_share() -> None:
    with pytest.raises(SpecError, match=r"--late is 2\."):
        Faults(late=2)
