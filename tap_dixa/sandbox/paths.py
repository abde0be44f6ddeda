"""Both versions of a path: the Dixa API has the same paths under ``/v1`` and ``/beta``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSIONS = ("/v1", "/beta")


def is_among(path: str, beginnings: Iterable[str]) -> bool:
    """Whether a path begins with one of several, whatever version either names."""
    return any(_without_version(path).startswith(_without_version(one)) for one in beginnings)


def _without_version(path: str) -> str:
    for version in VERSIONS:
        if path.startswith(f"{version}/"):
            return path.removeprefix(version)
    return path
