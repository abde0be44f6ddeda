"""Both normalizers of a schema, and what they warn of."""

from __future__ import annotations

from typing import Any

from tap_dixa.output.compiled import CompiledNormalizer
from tap_dixa.output.content_warnings import ContentWarnings
from tap_dixa.output.exclusions import Exclusions
from tap_dixa.output.normalize import Normalizer

NOTHING = Exclusions()


def plain(
    schema: dict[str, Any], exclusions: Exclusions = NOTHING, **other_names: str
) -> tuple[Normalizer, list[str]]:
    """Give a normalizer of dictionaries, and the list that its warnings go to."""
    lines: list[str] = []

    def warn(text: str, *values: object) -> None:
        lines.append(text % values)

    warnings = ContentWarnings(
        "s", ("id",) if "id" in schema["properties"] else (), warn, exclusions
    )
    return Normalizer(schema, warnings, other_names, exclusions), lines


def compiled(
    schema: dict[str, Any], exclusions: Exclusions = NOTHING, **other_names: str
) -> tuple[CompiledNormalizer, list[str]]:
    """Give a normalizer of JSON, and the list that its warnings go to."""
    normalize, lines = plain(schema, exclusions, **other_names)
    return CompiledNormalizer(normalize), lines
