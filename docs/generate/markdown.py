"""Markdown, as far as the generated documents need it."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table.

    Args:
        head: The columns' names.
        rows: The cells of each row, in Markdown. Line breaks in them become spaces.
    """
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(" | ".join(map(_cell, line)).rstrip() for line in lines)


def codes(names: Iterable[str]) -> str:
    """Write names as code, with commas between."""
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", r"\|").split())
