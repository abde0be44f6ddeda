"""The generated pages: what each is called and what makes its text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from docs.generate import hub, settings, streams

if TYPE_CHECKING:
    from collections.abc import Callable

COMMAND = "uv run --group test python -m docs.generate"
"""What writes them."""

FOLDER = Path(__file__).parents[1]
"""Where they are."""

PAGES: dict[str, Callable[[], str]] = {
    "streams.md": streams.page,
    "settings.md": settings.page,
    "meltano-hub.yml": hub.page,
}
"""Each file's name, and the function that gives its text."""
