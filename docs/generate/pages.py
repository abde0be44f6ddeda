"""The generated pages: what each is called and what makes its text."""

from collections.abc import Callable
from pathlib import Path

from docs.generate import hub, settings, streams, transform

COMMAND = "uv run --group test python -m docs.generate"
"""What writes them."""

FOLDER = Path(__file__).parents[1]
"""Where they are."""

PAGES: dict[str, Callable[[], str]] = {
    "streams.md": streams.page,
    "settings.md": settings.page,
    "meltano-hub.yml": hub.page,
    "../transform/models/staging/staging.yml": transform.page,
}
"""Each file's name, and the function that gives its text."""
