"""The tap's settings: each one's schema, check and Python type, in one place."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from singer_sdk import typing as th
from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR

from tap_dixa import timestamps
from tap_dixa.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _text(name: str, value: Any) -> str:
    # A file that holds nothing but a token ends with a line break.
    text = value.strip() if isinstance(value, str) else ""
    if not isinstance(value, str) or not text.isascii() or not text.isprintable():
        raise SettingsError(f"{name} must be a text of plain ASCII characters")
    if len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES:
        raise SettingsError(f"{name} has quotes around it: remove them")
    return text


def _token(name: str, value: Any) -> str:
    # Never shown, not even in part: a token with a typing mistake is still nearly a token.
    if not value or not (token := _text(name, value)):
        raise SettingsError(
            f"{name} is missing: make one in Dixa under Settings, Integrations, API Tokens"
        )
    if " " in token:
        raise SettingsError(f"{name} has a space inside: copy the token alone, without 'Bearer'")
    return token


def _date(name: str, value: Any) -> int:
    if not value:
        raise SettingsError(f"{name} is missing: give a date, such as 2025-01-31")
    try:
        # YAML makes a number of 20250131.
        time = timestamps.parse_user_date(str(value))
        timestamps.to_rfc3339(time)
    except (OverflowError, ValueError):
        raise SettingsError(
            f"{name} is not a clear date: {value!r}. Write year, month, day, as in 2025-01-31 or "
            "2025-01-31T09:00:00Z"
        ) from None
    return time


_QUOTES = "\"'"


def _names(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise SettingsError(f'{name} must be a list of ids, such as ["ratings"], not {value!r}')
    return tuple(dict.fromkeys(value))


def _boolean(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise SettingsError(f"{name} must be true or false, not {value!r}")
    return value


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _setting(  # noqa: PLR0913 (what a setting consists of)
    title: str,
    description: str,
    kind: th.JSONTypeHelper[Any],
    read: Callable[[str, Any], Any],
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


def _integer(
    title: str, description: str, default: int | None, *, minimum: int, maximum: int
) -> Any:
    def read(name: str, value: Any) -> int | None:
        if value is None:
            return None
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or not minimum <= value <= maximum:
            raise SettingsError(
                f"{name} must be a whole number from {minimum} to {maximum}, not {value!r}"
            )
        return int(value)

    kind = th.IntegerType(minimum=minimum, maximum=maximum)
    return _setting(title, description, kind, read, default=default)


def _url(title: str, description: str, default: str) -> Any:
    def read(name: str, value: Any) -> str:
        url = _text(name, value).rstrip("/")
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").encode("idna").decode()
            extras = parts.query or parts.fragment or "#" in url
            valid = parts.port != 0 and "@" not in parts.netloc and not extras
        except ValueError:
            valid = False
        if not valid or parts.scheme not in {"http", "https"} or not host or " " in url:
            raise SettingsError(f"{name} must be a URL like {default}")
        if parts.scheme == "http" and not _is_loopback(host):
            raise SettingsError(f"{name} must be https: the token would travel in the clear")
        return url

    return _setting(title, description, th.StringType(), read, default=default)


def _optional(read: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    return lambda name, value: read(name, value) if value else None


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked settings. Times are Unix ms, UTC."""

    api_token: str = _setting(
        title="API token",
        description="The token that the tap authenticates with. An administrator makes one in "
        "Dixa under Settings, Integrations, API Tokens, for the API version “Dixa API”.",
        kind=th.StringType(),
        read=_token,
        required=True,
        secret=True,
    )
    start_date: int = _setting(
        title="Start date",
        description="The first sync begins here, inclusive: a date (midnight UTC) or a date and "
        "a time, such as 2025-01-31, 2025-01-31 09:00 (UTC) or 2025-01-31T09:00:00+01:00.",
        kind=th.DateTimeType(),
        read=_date,
        required=True,
    )
    end_date: int | None = _setting(
        title="End date",
        description="A sync stops here, exclusive: 2025-02-01 ends with 31 January. Default: "
        "the time at which the run starts.",
        kind=th.DateTimeType(),
        read=_optional(_date),
    )
    exports_api_url: str = _url(
        title="Exports API URL",
        description="The address of the Exports API: conversations and messages.",
        default="https://exports.dixa.io",
    )
    dixa_api_url: str = _url(
        title="Dixa API URL",
        description="The address of the Dixa API: all other streams.",
        default="https://dev.dixa.io",
    )
    window_days: int = _integer(
        title="Window (days)",
        description="How many days one export request covers. Dixa allows 31, and the fewer "
        "requests the faster; a smaller window needs less disk.",
        default=31,
        minimum=1,
        maximum=31,
    )
    lookback_seconds: int = _integer(
        title="Lookback (seconds)",
        description="How far before its bookmark an incremental sync starts, to catch changes "
        "that Dixa made visible late.",
        default=600,
        minimum=0,
        maximum=31_536_000,
    )
    requests_per_minute: int = _integer(
        title="Requests per minute",
        description="The most requests a minute to the Exports API. Dixa's limit is about 10 "
        "for each token; lower it if something else uses the same token.",
        default=10,
        minimum=1,
        maximum=100_000,
    )
    page_size: int | None = _integer(
        title="Page size",
        description="How many rows to request per page of agents and end_users. Default: Dixa's "
        "own page size. Larger pages need fewer requests; Dixa does not document how large they "
        "may be, and refuses the request (400) if they are too large.",
        default=None,
        minimum=1,
        maximum=10_000,
    )
    parallel_downloads: int = _integer(
        title="Parallel downloads",
        description="How many windows may be requested or wait on disk while another one is "
        "emitted. More helps if Dixa takes long to export a window, within the rate limit. The "
        "disk holds that many responses and one more.",
        default=3,
        minimum=1,
        maximum=8,
    )
    request_timeout_seconds: int = _integer(
        title="Request timeout (seconds)",
        description="How long to wait for Dixa to accept a connection or to send the next part "
        "of a response.",
        default=300,
        minimum=1,
        maximum=86_400,
    )
    refresh_anonymized: bool = _setting(
        title="Refresh anonymized",
        description="Whether messages and entries of the activity log are exported again if Dixa "
        "has anonymized their conversation since the last run, and messages also if they were "
        "redacted one by one, so that what Dixa erased is erased in the warehouse too. It costs "
        "three requests a run, and some for what was erased.",
        kind=th.BooleanType(),
        read=_boolean,
        default=True,
    )
    analytics_record_ids: tuple[str, ...] | None = _setting(
        title="Analytics record ids",
        description="Which kinds of records analytics_records syncs, such as ratings: their ids "
        "in analytics_record_types. Default: all.",
        kind=th.ArrayType(th.StringType()),
        read=_optional(_names),
    )
    intelligence_record_ids: tuple[str, ...] | None = _setting(
        title="Intelligence record ids",
        description="Which kinds of records intelligence_records syncs, such as "
        "agentPresenceDuration: their ids in intelligence_record_types. Default: all.",
        kind=th.ArrayType(th.StringType()),
        read=_optional(_names),
    )
    intelligence_lookback_days: int = _integer(
        title="Intelligence lookback (days)",
        description="How many days before its bookmark intelligence_records starts, to read "
        "again what had not ended, such as an agent's presence.",
        default=3,
        minimum=0,
        maximum=90,
    )
    emit_activate_version_messages: bool = _setting(
        title="Emit ACTIVATE_VERSION",
        description="Whether a full-table stream, such as agents or tags, ends with an "
        "ACTIVATE_VERSION message, so that a target that supports it deletes rows that no "
        "longer exist in Dixa, or marks them as deleted.",
        kind=th.BooleanType(),
        read=_boolean,
        default=False,
    )
    user_agent: str | None = _setting(
        title="User agent",
        description="The User-Agent header of every request. Default: tap-dixa and its version.",
        kind=th.StringType(),
        read=_optional(_text),
    )

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Settings:
        """Check a configuration and fill in defaults.

        Raises:
            SettingsError: A setting is missing or unusable. The message names the first one.
        """
        values = {}
        for setting in fields(cls):
            given = config.get(setting.name)
            value = setting.metadata["default"] if given is None else given
            values[setting.name] = setting.metadata["read"](setting.name, value)
        settings = cls(**values)
        if settings.end_date is not None and settings.end_date < settings.start_date:
            raise SettingsError("end_date is before start_date: nothing could be synced")
        return settings


CONFIG_JSONSCHEMA: dict[str, Any] = th.PropertiesList(
    *(
        th.Property(setting.name, setting.metadata["kind"], **setting.metadata["options"])
        for setting in fields(Settings)
    )
).to_dict()
"""JSON Schema of the settings, as the SDK shows and validates them."""


def check_sdk_settings(config: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Check the settings of the SDK, such as stream maps. No message shows a value.

    Args:
        config: All settings.
        schema: The JSON Schema of all settings.

    Raises:
        SettingsError: A setting does not fit the schema, or has the name of none and nearly the
            name of one.
    """
    for name in config.keys() - schema["properties"].keys():
        if near := get_close_matches(name, schema["properties"], n=1, cutoff=0.8):
            raise SettingsError(f"there is no setting {name}. Did you mean {near[0]}?")
    try:
        errors = list(DEFAULT_JSONSCHEMA_VALIDATOR(schema).iter_errors(config))
    except AttributeError:
        # The SDK's schema of that option of stream maps is none.
        raise SettingsError("__else__ in stream_maps can only be __NULL__") from None
    for error in errors:
        name = ".".join(map(str, error.absolute_path))
        if error.validator != "type":
            raise SettingsError(f"{name} does not fit. tap-dixa --about shows what it may be")
        kinds = error.validator_value
        wanted = " or ".join([kinds] if isinstance(kinds, str) else kinds)
        raise SettingsError(f"{name} must be of the type {wanted}")


def parse_environment(
    texts: Mapping[str, str], schema: Mapping[str, Any], prefix: str
) -> dict[str, Any]:
    """Convert the texts of environment variables to what a configuration file would hold.

    Args:
        texts: The text of each setting that has a variable. An empty one counts as none.
        schema: The JSON Schema of the settings.
        prefix: What the variables' names begin with.

    Raises:
        SettingsError: A text cannot be converted. The message names the variable.
    """
    config: dict[str, Any] = {}
    for name, given in texts.items():
        if not (text := given.strip()):
            continue
        types = schema["properties"][name].get("type", ())
        convert = next((_CONVERSIONS[kind] for kind in _CONVERSIONS if kind in types), str)
        try:
            config[name] = convert(text)
        except ValueError as error:
            variable = f"{prefix}{name.upper()}"
            raise SettingsError(f"{variable} cannot be read: {error}") from None
    return config


def _parse_boolean(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError(f"{text!r} is neither true nor false")


# Those of the SDK and their opposites. Anything else was false without a word.
_TRUE = {"true", "1", "yes", "on"}
_FALSE = {"false", "0", "no", "off"}

_CONVERSIONS: dict[str, Callable[[str], Any]] = {
    "integer": int,
    "boolean": _parse_boolean,
    "object": json.loads,
    "array": json.loads,
}
