"""Every link between the pages leads somewhere, to the heading that it names too, and every page is found from the index."""

import re
import subprocess
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
TRACKED = subprocess.run(["git", "ls-files", "-z", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
PAGES = [ROOT / name for name in TRACKED.stdout.split("\0") if name]
PARSER = MarkdownIt("commonmark").enable("table")


@cache
def tokens(page: Path) -> list[Token]:
    return PARSER.parse(page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """What a page refers to in this repository: links and pictures, as they are written."""
    inline = [child for token in tokens(page) for child in token.children or ()]
    places = [str(child.attrs.get("href") or child.attrs.get("src") or "") for child in inline]
    return [unquote(place) for place in places if place and not re.match(r"\w+:", place)]


@cache
def anchors(page: Path) -> set[str]:
    """The headings of a page, as GitHub names them."""
    found: list[str] = []
    for heading, text in zip(tokens(page), tokens(page)[1:], strict=False):
        if heading.type == "heading_open":
            shown = "".join(child.content for child in text.children or ())
            slug = re.sub(r"[^\w\- ]", "", shown.lower()).replace(" ", "-")
            found.append(f"{slug}-{found.count(slug)}" if slug in found else slug)
    return set(found)


def target(page: Path, link: str) -> tuple[Path, str]:
    """The file that a link leads to, and the heading in it; empty if it names none."""
    place, _, anchor = link.partition("#")
    return (page.parent / place).resolve() if place else page, anchor


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        file, anchor = target(page, link)
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(link)

    assert not broken


def test_every_page_is_reached_from_the_index() -> None:
    reached, new = set[Path](), {DOCS / "index.md"}
    while new:
        reached |= new
        new = {target(page, link)[0] for page in new for link in links(page)} & set(PAGES) - reached

    assert not [str(page.relative_to(DOCS)) for page in PAGES if DOCS in page.parents and page not in reached]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a](x.md#one-two) ![b](<c d.png>)", ["x.md#one-two", "c d.png"]),
        ("`[a](x.md)` and [b](https://example.org/x.md)\n\n    [c](y.md)", []),
        ("| a |\n|---|\n| [b](t.md) |", ["t.md"]),
        ("[a][b]\n\n[b]: r.md", ["r.md"]),
    ],
)
def test_links_are_those_that_a_reader_sees(tmp_path: Path, text: str, expected: list[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)

    assert links(page) == expected


def test_a_heading_is_named_as_github_does(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# `landfall up`, and [more](x.md)\n\n## Twice\n\n## Twice\n")

    assert anchors(page) == {"landfall-up-and-more", "twice", "twice-1"}
