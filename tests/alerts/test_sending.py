"""Messages, and where they go. No address is shown."""

import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

from landfall.alerts.sending import AlertError, addresses, message, send
from landfall.alerts.stored import Alert
from landfall.cli import alerts as commands

AT = datetime(2014, 4, 4, tzinfo=UTC)
APP = typer.Typer()
commands.register(APP)


def alert(number, **more):
    """One line of the table."""
    known = {"kind": "late landing", "source": "p/f", "subject": f"day {number}", "text": "no object yet", "ends": True,
             "began_at": AT, "sent_at": None, "ended_at": None, "end_sent_at": None}  # fmt: skip
    return Alert(id=number, **{**known, **more})


@pytest.fixture
def sent(monkeypatch):
    """What a stand-in for Apprise was given. An address that begins with `no` is none, `down://` accepts nothing."""
    given = []

    class Apprise:
        def add(self, address):
            self.address = address
            return not address.startswith("no")

        def notify(self, title, body):
            given.append((self.address, title, body))
            return not self.address.startswith("down")

    monkeypatch.setitem(sys.modules, "apprise", SimpleNamespace(Apprise=Apprise))
    return given


def test_a_message_says_first_what_began_and_then_what_is_over():
    assert message([alert(1, sent_at=AT, ended_at=AT), alert(2)]) == (
        "Landfall: 1 new, 1 over",
        "late landing: p/f day 2: no object yet\nlate landing: p/f day 1: over",
    )


def test_a_message_about_a_year_of_days_is_short():
    title, text = message([alert(number) for number in range(365)])

    assert title == "Landfall: 365 new"
    assert text.splitlines()[20:] == ["and 345 more    (landfall alerts list)"]


def test_addresses_are_separated_by_white_space():
    assert addresses({"LANDFALL_ALERTS": " a://x\n b://y "}) == ["a://x", "b://y"]
    assert addresses({}) == []


def test_every_address_is_told_whatever_becomes_of_the_others_and_none_is_shown(sent):
    with pytest.raises(AlertError) as raised:
        send(["down://secret", "nonsense", "ok://secret"], "t", "b")

    assert sent == [("down://secret", "t", "b"), ("ok://secret", "t", "b")]
    assert str(raised.value) == (
        "Alerts were not sent to 2 of 3 addresses: down, nonsense.\n"
        "  looked: in `LANDFALL_ALERTS`; of each only the part before the first colon is shown\n"
        "  left: the other addresses were told; the next audit tells all of them again\n"
        "  next: landfall alerts test"
    )


def test_without_the_library_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)

    with pytest.raises(AlertError, match="a library is missing"):
        send(["ok://x"], "t", "b")


def test_a_test_message_is_sent_to_every_address(sent, monkeypatch):
    monkeypatch.setenv("LANDFALL_ALERTS", "ok://1 ok://2")

    told = CliRunner().invoke(APP, ["alerts", "test"])

    assert (told.exit_code, told.stdout) == (0, "accepted by 2 of 2 addresses\n")
    assert [address for address, *_ in sent] == ["ok://1", "ok://2"]


def test_a_test_without_an_address_says_how_to_set_one(monkeypatch):
    monkeypatch.delenv("LANDFALL_ALERTS", raising=False)

    told = CliRunner().invoke(APP, ["alerts", "test", "--json"])

    assert told.exit_code == 1
    assert "There is nowhere to send alerts to." in told.stdout
