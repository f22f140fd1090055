"""Makes an SVG that Vega has drawn part of a page: nothing in it that the page does not need, and no ids."""

import re
from xml.etree import ElementTree

KEPT = frozenset({"d", "transform", "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "text-anchor",
                  "font-size", "font-weight", "fill-opacity", "x", "y", "x1", "x2", "y1", "y2", "width", "height"})  # fmt: skip
"""The attributes that are kept. What else Vega writes is for scripts, for other readers, or for its own style sheet."""
SHARED = ("fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "text-anchor", "font-size")
"""Attributes that a group may have instead of each of its children."""


def tidied(drawn: str, name: str, says: str) -> str:
    """The drawing as an `<svg>` element for HTML.

    Args:
        drawn: SVG as Vega writes it.
        name: The class of the element.
        says: The text for people who cannot see it.
    """
    drawn = re.sub("[\ufffe\uffff]", "\ufffd", drawn)  # letters that XML does not have
    root = ElementTree.fromstring(drawn)  # noqa: S314  (Vega wrote it)
    box = root.attrib["viewBox"]
    _tidy(root)
    root.attrib.clear()
    root.attrib |= {"viewBox": box, "class": f"chart {name}", "role": "img", "aria-label": says}
    return ElementTree.tostring(root, encoding="unicode")


def _tidy(element: ElementTree.Element) -> None:
    element.tag, element.tail = element.tag.rpartition("}")[2], None
    if element.tag != "text":
        element.text = None
    for name in element.attrib.keys() - KEPT:
        del element.attrib[name]
    for name, value in element.attrib.items():
        if name not in SHARED:
            element.set(name, re.sub(r"-?\d+\.\d+", lambda match: f"{float(match[0]):.1f}".removesuffix(".0"), value))
    if element.get("transform") == "translate(0,0)":
        del element.attrib["transform"]
    for child in list(element):
        unseen = child.get("display") == "none"
        _tidy(child)
        if unseen or _shows_nothing(child):
            element.remove(child)
    _share(element)


def _shows_nothing(element: ElementTree.Element) -> bool:
    """True for an empty group, a path without a line, a text without letters, and a background of nothing."""
    if element.tag == "path":
        return element.get("d", "") in ("", "M0,0h0v0h0Z") or not {"fill", "stroke"} & element.attrib.keys()
    if element.tag == "text":
        return not element.text
    if element.tag == "rect":
        return element.get("fill") == "transparent"
    return element.tag in ("g", "defs") and not len(element)


def _share(group: ElementTree.Element) -> None:
    """Moves what all children of a group have in common to the group."""
    if group.tag != "g" or len(group) < 2:
        return
    for name in SHARED:
        values = {child.get(name) for child in group}
        if len(values) == 1 and None not in values:
            group.set(name, values.pop() or "")
            for child in group:
                del child.attrib[name]
