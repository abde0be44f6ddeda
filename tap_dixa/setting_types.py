"""Types of settings, and how their values are checked.

What reads a value is called with the setting's name, for messages, and the value. It raises
`SettingsError`, with what to give instead.
"""

from __future__ import annotations

from dataclasses import field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from singer_sdk import typing as th

from tap_dixa import timestamps
from tap_dixa.errors import SettingsError
from tap_dixa.hidden_token import beginning

if TYPE_CHECKING:
    from collections.abc import Callable

    Read = Callable[[str, Any], Any]

_QUOTES = "\"'"
_MOST_SHOWN = 60


def shown_setting(value: Any) -> str:
    """Quote the beginning of a setting's value for a message."""
    return beginning(repr(value), _MOST_SHOWN)


def read_text(name: str, value: Any) -> str:
    """Read a text of plain ASCII characters, without the white space around it."""
    # A file that holds nothing but a token ends with a line break.
    text = value.strip() if isinstance(value, str) else ""
    if not isinstance(value, str) or not text.isascii() or not text.isprintable():
        raise SettingsError(f"{name} must be a string of printable ASCII characters")
    if len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES:
        raise SettingsError(f"{name} has quotes around it: remove them")
    return text


def read_token(name: str, value: Any) -> str:
    """Read a token, which there must be."""
    # Never shown, not even in part: a token with a typing mistake is still nearly a token.
    if not value or not (token := read_text(name, value)):
        raise SettingsError(
            f"{name} is missing: make one in Dixa under Settings, Integrations, API Tokens"
        )
    if " " in token:
        raise SettingsError(f"{name} has a space inside: copy the token alone, without 'Bearer'")
    return token


def read_date(name: str, value: Any) -> int:
    """Read a date as people write it, as Unix ms; without an offset it is UTC."""
    if not value:
        raise SettingsError(f"{name} is missing: give a date, such as 2025-01-31")
    try:
        # YAML makes a number of 20250131.
        time = timestamps.parse_user_date(str(value))
        timestamps.to_rfc3339(time)
    except (OverflowError, ValueError):
        raise SettingsError(
            f"{name} is not a clear date: {shown_setting(value)}. Write year, month, "
            "day, as in 2025-01-31 or 2025-01-31T09:00:00Z"
        ) from None
    return time


def read_names(name: str, value: Any) -> tuple[str, ...]:
    """Read a list of ids, each once."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise SettingsError(
            f'{name} must be a list of ids, such as ["ratings"], not {shown_setting(value)}'
        )
    return tuple(dict.fromkeys(value))


def read_boolean(name: str, value: Any) -> bool:
    """Read true or false; nothing else is either of them."""
    if not isinstance(value, bool):
        raise SettingsError(f"{name} must be true or false, not {shown_setting(value)}")
    return value


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def setting(  # noqa: PLR0913 (what a setting consists of)
    title: str,
    description: str,
    kind: th.JSONTypeHelper[Any],
    read: Read,
    *,
    default: Any = None,
    required: bool = False,
    secret: bool = False,
) -> Any:
    """Define a setting, as a field of `Settings`.

    Args:
        title: Its name for people.
        description: What it is for.
        kind: Its type in the JSON Schema.
        read: Checks and converts a value, given the setting's name and the value.
        default: Its value if none is given.
        required: Whether there is no default that could be used.
        secret: Whether it must not be shown.
    """
    options = {"title": title, "description": description, "default": default}
    options |= {"required": required, "secret": secret}
    return field(metadata={"kind": kind, "read": read, "default": default, "options": options})


def integer_setting(
    title: str, description: str, default: int | None, *, minimum: int, maximum: int
) -> Any:
    """Define a setting that is a whole number between two others, or None by default."""

    def read(name: str, value: Any) -> int | None:
        if value is None:
            return None
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or not minimum <= value <= maximum:
            raise SettingsError(
                f"{name} must be a whole number from {minimum} to {maximum}, "
                f"not {shown_setting(value)}"
            )
        return int(value)

    kind = th.IntegerType(minimum=minimum, maximum=maximum)
    return setting(title, description, kind, read, default=default)


def url_setting(title: str, description: str, default: str) -> Any:
    """Define a setting that is an address: https, or http on loopback."""

    def read(name: str, value: Any) -> str:
        url = read_text(name, value).rstrip("/")
        try:
            address = urlsplit(url)
            host = (address.hostname or "").encode("idna").decode()
            extras = address.query or address.fragment or "#" in url
            valid = address.port != 0 and "@" not in address.netloc and not extras
        except ValueError:
            valid = False
        if not valid or address.scheme not in {"http", "https"} or not host or " " in url:
            raise SettingsError(f"{name} must be a URL like {default}")
        if address.scheme == "http" and not _is_loopback(host):
            raise SettingsError(f"{name} must be https: the token would travel in the clear")
        return url

    return setting(title, description, th.StringType(), read, default=default)


def optional(read: Read) -> Read:
    """Let a setting also have no value."""
    return lambda name, value: read(name, value) if value else None
