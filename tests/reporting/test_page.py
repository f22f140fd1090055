"""The page: nothing is fetched, nothing from outside gets out of its text, and it can be read by anybody."""

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from landfall.pipelines.bike_demand import BIKE_DEMAND
from landfall.reporting import as_json, read_report, summary
from landfall.reporting.facts import FeedFacts, Overdue
from landfall.reporting.page import HERE, page
from landfall.reporting.words import clean
from landfall.spec import Partition

ACTUALS = BIKE_DEMAND.feed("actuals")
DAY = datetime(2014, 4, 3, tzinfo=UTC)
VOID = {"meta", "br", "path", "line", "rect"}
MOST_BYTES = 500_000
SNEAKY = (
    "</bdi></svg></style><script>alert(1)</script><img src=x onerror=alert(1)>\"'>&amp;{{7*7}}{%x%}$\\frac{1}{0}$<!--"
)


class Reader(HTMLParser):
    """A page as a browser takes it apart: elements, attributes and text. Fails where elements do not nest."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.words, self.comments, self._open = Counter(), [], [], [], []
        self.feed(text)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag, attributes):
        self.tags[tag] += 1
        self.attributes += [(tag, *each) for each in attributes]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags[tag] += 1
        self.attributes += [(tag, *each) for each in attributes]

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def handle_comment(self, data):
        self.comments.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def values(self, name):
        return [value for _, attribute, value in self.attributes if attribute == name]


def report_with(make, text):
    """A small report with `text` wherever the database could hold it."""
    life = make.life(ACTUALS, "2014-04-03", landed_at=30, first_published_at=31, published_at=31, version=text, rows=24,
                     quarantined=1, published_rows=24)  # fmt: skip
    overdue = Overdue(partition=Partition.parse("2014-04-04"), due=DAY, lacks=text)
    return make.report(
        errors=(make.error("2014-04-03", 50.0, version=text),),
        drift=(make.drift(text, "2014-04-03", 0.5, 2.5, version=text, statistic=text),),
        promotions=tuple(
            make.promoted(text, DAY + timedelta(hours=n), kind=text, reason=text, run=text, replaced=text,
                          figures={text: text}) for n in range(10)
        ),
        decisions=(make.decided(DAY, text, champion=text, **{text: text}),),
        feeds=(FeedFacts(feed=ACTUALS, lives=(life,), overdue=(overdue,)),),
    )  # fmt: skip


@pytest.fixture
def full(seed, conn, make):
    """Reads a report with so many days in the database."""

    def read(days, **options):
        seed.days(days, **options)
        return read_report(conn, BIKE_DEMAND, now=make.now, limit=days)

    return read


def test_the_page_is_one_file_that_fetches_nothing_and_runs_no_script(full):
    text = page(full(60))
    reader = Reader(text)

    assert not set(reader.tags) & {
        "script",
        "link",
        "img",
        "image",
        "iframe",
        "object",
        "embed",
        "base",
        "form",
        "audio",
    }
    assert not [name for name in ("src", "srcset", "action", "data", "xlink:href") if reader.values(name)]
    assert {value[0] for value in reader.values("href")} == {"#"}
    assert "url(" not in text
    assert "@import" not in text
    assert not [name for _, name, _ in reader.attributes if name.startswith("on")]
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    assert ("meta", "content", policy) in reader.attributes


def test_every_link_leads_to_a_part_of_the_page_and_no_id_is_there_twice(full):
    reader = Reader(page(full(60)))
    ids = Counter(reader.values("id"))

    assert set(ids.values()) == {1}
    assert {value.removeprefix("#") for value in reader.values("href")} <= set(ids)


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60))
@example(SNEAKY)
@example("\u202e\u2066\x1b[31m\r\n\u2028\x07")
@example("日本語 👩‍🚲 _^$x$")
def test_whatever_the_database_holds_stays_text(make, text):
    plain, hostile = Reader(page(report_with(make, "x"))), Reader(page(report_with(make, text)))

    assert not set(hostile.tags) - set(plain.tags)
    assert {name for _, name, _ in hostile.attributes} == {name for _, name, _ in plain.attributes}
    assert hostile.comments == []
    assert clean(text, 40) in hostile.text
    assert not set(hostile.text) & set("\u202e\u2066\x1b\u2028\x07")
    assert not set(summary(report_with(make, text)).replace("\n", "")) & set("\u202e\u2066\x1b\r\u2028\x07")


def test_a_pipeline_that_has_not_begun_says_what_to_do_next(make):
    text = Reader(page(make.report())).text

    for sentence in (
        "No model serves yet. Next: landfall train bike_demand",
        "No error is known yet: nothing that was published has met its actuals. Land actuals of days that are published."
        " Next: landfall land --help",
        "No drift was measured yet. The DAG bike_training measures it when it decides whether to train."
        " Next: landfall train bike_demand",
        "Nothing has landed yet. Next: landfall land --help",
        "No partition of this feed was read yet. Next: landfall status bike_demand/actuals",
        "No version was promoted yet. A trained version that passes its gate is. Next: landfall train bike_demand",
        "Nothing was decided yet: the DAG bike_training has not run. Next: landfall train bike_demand",
    ):
        assert sentence in text


def test_the_page_tells_what_serves_since_when_and_why(make):
    promotion = make.promoted("7", DAY, replaced="6", reason="rmse 50, the champion's 56", run="manual__2")

    text = Reader(page(make.report(promotions=(promotion,)))).text

    assert (
        "Version 7 of bike_demand since 2014-04-03 00:00 (39 h ago). Promoted in the place of version 6 : "
        "rmse 50, the champion's 56 By manual__2 ."
    ) in text


def test_a_decision_is_told_with_its_reasons_and_figures(make):
    decisions = (
        make.decided(DAY, "`temp` has drifted: PSI 3", new_rows=1440, scheduled=False, **{"drift temp psi": 3.0123456}),
        make.decided(DAY, champion="6"),
    )

    text = Reader(page(make.report(decisions=decisions))).text

    assert "2014-04-03 00:00 `temp` has drifted: PSI 3 1 new rows 1,440 drift temp psi 3.012 2014-04-03 00:00" in text
    assert "2014-04-03 00:00 none: skipped 6" in text


def test_every_picture_says_what_it_shows_and_there_is_one_for_each_width(full):
    reader = Reader(page(full(60)))

    pictures = [value for tag, name, value in reader.attributes if (tag, name) == ("svg", "class")]
    assert pictures.count("chart wide") == pictures.count("chart narrow") == 6
    told = [value for tag, name, value in reader.attributes if (tag, name) == ("svg", "aria-label")]
    assert len(told) == 12
    assert all(len(each) > 30 for each in told)
    assert reader.tags["svg"] == 12


def test_every_cell_of_a_table_is_named_where_a_phone_hides_the_heading(full):
    reader = Reader(page(full(60)))

    assert reader.tags["td"] == len(reader.values("data-label"))


@pytest.mark.parametrize("days", [365, 2000])
def test_the_page_of_years_is_small(full, days):
    assert len(page(full(days)).encode()) < MOST_BYTES


def test_a_page_of_many_features_and_versions_is_small(make):
    days = [str(Partition((DAY - timedelta(days=n)).date())) for n in range(364, -1, -1)]
    drift = [
        make.drift(f"feature_{n}", day, n / 10, 2.5, version=str(d // 9))
        for n in range(50)
        for d, day in enumerate(days[::7])
    ]
    drift.sort(key=lambda each: each.last)
    errors = [make.error(day, 50.0 + n % 17, version=str(n // 9)) for n, day in enumerate(days)]
    history = [make.promoted(str(n), DAY - timedelta(days=9 * n)) for n in range(40)]

    text = page(make.report(errors=errors, drift=drift, promotions=history))

    assert len(text.encode()) < MOST_BYTES
    assert "All features of the newest window (50)" in text


def test_the_same_report_gives_the_same_page(make):
    report = report_with(make, "x")

    assert page(report) == page(replace(report))


def colours(scheme):
    """Variable -> colour, light or dark."""
    light, _, rest = (HERE / "page.css").read_text().partition("@media (prefers-color-scheme: dark)")
    text = light if scheme == "light" else rest.partition("\n}\n")[0]
    return dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6})", text))


def luminance(colour):
    """Relative luminance, as WCAG 2.2 defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """Contrast ratio, as WCAG 2.2 defines it."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_lines_stand_out_from_what_is_behind_them(scheme):
    known = colours(scheme)

    assert set(known) == set(colours("light"))
    for text, behind in product(("--ink", "--muted", "--link", "--attention", "--good"), ("--surface", "--page")):
        assert contrast(known[text], known[behind]) >= 4.5, (text, behind)
    for text in ("--ink", "--muted", "--attention"):
        assert contrast(known[text], known["--attention-fill"]) >= 4.5, text
    for line in [name for name in known if name.startswith("--series")]:
        assert contrast(known[line], known["--surface"]) >= 3, line


def test_the_numbers_are_json_whatever_is_in_them(make):
    told: Any = as_json(report_with(make, SNEAKY))

    assert told["serving"]["version"] == SNEAKY
    assert told["errors"] == [{"version": SNEAKY, "partition": "2014-04-03", "rows": 24, "rmse": 50.0, "mae": None}]
    assert told["feeds"][0]["partitions"] == [
        {
            "partition": "2014-04-03",
            "due": "2014-04-04T12:00:00+00:00",
            "landed_at": "2014-04-04T06:00:00+00:00",
            "landing_delay": -21600.0,
            "first_published_at": "2014-04-04T07:00:00+00:00",
            "publishing_delay": 3600.0,
            "published_at": "2014-04-04T07:00:00+00:00",
            "model_version": SNEAKY,
            "published_rows": 24,
            "rows": 24,
            "quarantined": 1,
        }
    ]
