"""Both versions of a path: the Dixa API has the same paths under ``/v1`` and ``/beta``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

VERSIONS = ("/v1", "/beta")
EXPORTS = ("/conversation_export", "/message_export")
DIXA_API = (
    "/agents",
    "/ai-agents",
    "/analytics",
    "/business-hours",
    "/contact-endpoints",
    "/conversations",
    "/custom-attributes",
    "/endusers",
    "/intelligence",
    "/knowledge",
    "/organization",
    "/queues",
    "/tags",
    "/teams",
    "/templates",
)
"""How the paths of each API begin, without their version."""


def is_among(path: str, beginnings: Iterable[str]) -> bool:
    """Whether a path begins with one of several, whatever version either names."""
    return any(_without_version(path).startswith(_without_version(one)) for one in beginnings)


def may_begin(beginning: str, paths: Iterable[str]) -> bool:
    """Whether a text, with a version, begins or continues one of several paths without one."""
    path = _without_version(beginning)
    return path not in {beginning, "/"} and any(
        one.startswith(path) or path.startswith(f"{one}/") for one in paths
    )


def _without_version(path: str) -> str:
    for version in VERSIONS:
        if path.startswith(f"{version}/"):
            return path.removeprefix(version)
    return path
