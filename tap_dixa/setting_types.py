"""The types of settings, and how a value is checked and converted to one of them.

A type is made from a value as a configuration has it. It raises ValueError, which says what to
give instead.
"""

from __future__ import annotations

from ipaddress import ip_address
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlsplit

import msgspec

from tap_dixa import timestamps
from tap_dixa.hidden_token import beginning

if TYPE_CHECKING:
    from msgspec.structs import FieldInfo

_MOST_SHOWN = 60


class Text(str):
    """A text of plain ASCII characters, without the white space around it."""

    __slots__ = ()
    json_schema: ClassVar[dict[str, Any]] = {"type": "string"}

    def __new__(cls, value: Any) -> Self:
        """Check a value, and convert it."""
        # A file that holds nothing but a token ends with a line break.
        text = value.strip() if isinstance(value, str) else None
        if text is None or not (text.isascii() and text.isprintable()):
            raise ValueError("must be a string of printable ASCII characters")
        if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
            raise ValueError("has quotes around it: remove them")
        return super().__new__(cls, text)


class Token(Text):
    """A token, which there must be."""

    __slots__ = ()

    def __new__(cls, value: Any) -> Self:
        """Check a value, and convert it."""
        # Never shown, not even in part: a token with a typing mistake is still nearly a token.
        if not value or not (token := super().__new__(cls, value)):
            raise ValueError(
                "is missing: make one in Dixa under Settings, Integrations, API Tokens"
            )
        if " " in token:
            raise ValueError("has a space inside: copy the token alone, without 'Bearer'")
        return token


class Url(Text):
    """An address: https, or http on loopback."""

    __slots__ = ()

    def __new__(cls, value: Any) -> Self:
        """Check a value, and convert it."""
        url = Text(value).rstrip("/")
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        # With a user in it, it would not be the token that is sent.
        if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
            raise ValueError("must be a URL like https://dixa.example. Omit it for Dixa's own")
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            raise ValueError("must be https: the token would travel in the clear")
        return super().__new__(cls, url)


class Date(int):
    """A date as people write it, as Unix ms; without an offset it is UTC."""

    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "format": "date-time"}

    def __new__(cls, value: Any) -> Self:
        """Check a value, and convert it."""
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
        return super().__new__(cls, time)


def json_schema(field: FieldInfo) -> dict[str, Any]:
    """Give the JSON Schema of a setting, with its title, description and default."""
    schema = msgspec.json.schema(field.type, schema_hook=attrgetter("json_schema"))
    schema |= schema.pop("anyOf", [{}])[0]  # or null
    schema["type"] = [schema["type"]] if field.required else [schema["type"], "null"]
    if not field.required and field.default is not None:
        schema["default"] = msgspec.to_builtins(field.default, enc_hook=str)
    return schema


def shown_setting(value: Any) -> str:
    """Quote the beginning of a setting's value for a message."""
    return beginning(repr(value), _MOST_SHOWN)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
