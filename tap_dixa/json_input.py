"""JSON that people give, in files that options name and in environment variables.

Nothing of a file's content, and nothing that is given in place of a file, is in an error: it may
be the token.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tap_dixa.errors import SettingsError

_NO_FILE_NAME = re.compile(r"""[{}"'\n]|:\s|^\s*api_token""")
"""What JSON, YAML or a setting has that is given in place of a file's name."""


def parse_json(text: str) -> Any:
    """Parse JSON, or raise a ValueError that shows nothing of it."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is not JSON: {error}") from None


def read_object(option: str, path: str, *, may_be_empty: bool = False) -> dict[str, Any]:
    """Read a JSON object from the file that an option names.

    If it may be empty, an empty file, or null in it, counts as an empty object.

    Raises:
        SettingsError: It cannot be read, or holds no JSON object; or JSON is given in its place.
    """
    try:
        # Some editors begin a file with a byte order mark.
        text = Path(path).read_bytes().decode("utf-8-sig")
        if may_be_empty and text.strip() in {"", "null"}:
            return {}
        content = parse_json(text)
    except UnicodeDecodeError:
        raise SettingsError(f"{option} {path} is not UTF-8: save it with that encoding") from None
    except OSError as error:
        if _NO_FILE_NAME.search(path):
            raise SettingsError(
                f"{option} expects a file name: values on the command line are visible to other "
                "users of this machine"
            ) from None
        raise SettingsError(f"{option} {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(f"{option} {path} {error}") from None
    if not isinstance(content, dict):
        raise SettingsError(f"{option} {path} does not hold a JSON object")
    return content
