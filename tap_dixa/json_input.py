"""JSON that people give, in files that options name and in environment variables."""

from __future__ import annotations

import json
from typing import Any

_DEEPEST = 100
"""More levels than any setting, catalog or state has, and fewer than Python's limit."""


def parse_json(text: str) -> Any:
    """Parse JSON.

    Raises:
        ValueError: It is not JSON, or nested too deeply. The message shows nothing of it.
    """
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error}") from None
    except ValueError:
        raise ValueError("has a number that is too long") from None
    except RecursionError:
        too_deep = True
    else:
        too_deep = _is_too_deep(content)
    if too_deep:
        raise ValueError(f"is nested more than {_DEEPEST} levels deep")
    return content


def _is_too_deep(content: Any) -> bool:
    level = [content]
    for _ in range(_DEEPEST):
        level = [
            item
            for value in level
            if isinstance(value, (dict, list))
            for item in (value.values() if isinstance(value, dict) else value)
        ]
    return bool(level)
