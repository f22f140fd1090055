"""Values as Python source, in the form that ruff's formatter leaves as it is."""

from collections.abc import Iterable, Mapping

WIDTH = 120
"""The longest line."""


class Name(str):
    """Source that stands for itself, such as the name of a constant, and not for a text."""


def python(value: object) -> str:
    """A value as Python source. Texts are quoted, whatever they hold."""
    if isinstance(value, Name):
        return str(value)
    if isinstance(value, str):
        plain = repr(value)
        return f'"{plain[1:-1]}"' if plain[0] == "'" and '"' not in value else plain
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, tuple):
        inner = ", ".join(python(one) for one in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{python(name)}: {python(one)}' for name, one in value.items())}}}"
    return repr(value)


def call(function: str, arguments: Mapping[str, object], indent: int = 0) -> str:
    """A call with named arguments: on one line if it fits, else with a line for each. `indent` is that of its first line.

    A comma after it is counted too.
    """
    words = [f"{name}={python(value)}" for name, value in arguments.items()]
    line = f"{function}({', '.join(words)})"
    if indent + len(line) + 1 <= WIDTH:
        return line
    return f"{function}(\n{_lines(words, indent)}{' ' * indent})"


def names(values: Iterable[object], indent: int = 0, taken: int = 0) -> str:
    """A tuple of values: on one line if it fits, else with a line for each. `taken` is the length of what stands before it."""
    listed = tuple(values)
    line = python(listed)
    if taken + len(line) + 1 <= WIDTH:
        return line
    return f"(\n{_lines([python(value) for value in listed], indent)}{' ' * indent})"


def mapping(values: Mapping[str, object], indent: int = 0) -> str:
    """A dict with a line for each entry."""
    words = [f"{python(name)}: {python(value)}" for name, value in values.items()]
    return f"{{\n{_lines(words, indent)}{' ' * indent}}}"


def _lines(words: Iterable[str], indent: int) -> str:
    return "".join(f"{' ' * (indent + 4)}{word},\n" for word in words)
