"""Checks of the settings that people write in many ways.

Each takes a value as a configuration has it, and returns what the tap works with. It raises
ValueError, which says what to give instead.
"""

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from tap_dixa import timestamps
from tap_dixa.hidden_token import beginning

_MOST_SHOWN = 60


def text(value: Any) -> str:
    """Check a text of plain ASCII characters, without the white space around it."""
    # A file that holds nothing but a token ends with a line break.
    stripped = value.strip() if isinstance(value, str) else None
    if stripped is None or not (stripped.isascii() and stripped.isprintable()):
        raise ValueError("must be a string of printable ASCII characters")
    if len(stripped) > 1 and stripped[0] == stripped[-1] and stripped[0] in "\"'":
        raise ValueError("has quotes around it: remove them")
    return stripped


def token(value: Any) -> str:
    """Check a token, which there must be."""
    # Never shown, not even in part: a token with a typing mistake is still nearly a token.
    if not value or not (found := text(value)):
        raise ValueError("is missing: make one in Dixa under Settings, Integrations, API Tokens")
    if " " in found:
        raise ValueError("has a space inside: copy the token alone, without 'Bearer'")
    return found


def url(value: Any) -> str:
    """Check an address: https, or http on loopback."""
    address = text(value).rstrip("/")
    try:
        parts = urlsplit(address)
    except ValueError:
        parts = urlsplit("")
    # With a user in it, it would not be the token that is sent.
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise ValueError("must be a URL like https://dixa.example. Omit it for Dixa's own")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ValueError("must be https: the token would travel in the clear")
    return address


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def date(value: Any) -> int:
    """Convert a date as people write it to Unix ms; without an offset it is UTC."""
    if not value:
        raise ValueError("is missing: give a date, such as 2025-01-31")
    try:
        # YAML makes a number of 20250131.
        time = timestamps.parse_user_date(str(value))
        timestamps.to_rfc3339(time)
    except (OverflowError, ValueError):
        raise ValueError(
            f"is not a clear date: {shown_setting(value)}. Write year, month, "
            "day, as in 2025-01-31 or 2025-01-31T09:00:00Z"
        ) from None
    return time


def shown_setting(value: Any) -> str:
    """Quote the beginning of a setting's value for a message."""
    return beginning(repr(value), _MOST_SHOWN)
