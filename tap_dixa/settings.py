"""The tap's settings: what they are, and whether they make sense."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from singer_sdk import typing as th

from tap_dixa import timestamps
from tap_dixa.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIG_JSONSCHEMA: dict[str, Any] = th.PropertiesList(
    th.Property(
        "api_token",
        th.StringType,
        required=True,
        secret=True,
        title="API token",
        description="The token that the tap authenticates with. An administrator makes one in "
        "Dixa under Settings, Integrations, API Tokens, for the API version “Dixa API”.",
    ),
    th.Property(
        "start_date",
        th.DateTimeType,
        required=True,
        title="Start date",
        description="The first sync begins here, inclusive: a date (midnight UTC) or a date and "
        "a time, such as 2025-01-31, 2025-01-31 09:00 (UTC) or 2025-01-31T09:00:00+01:00.",
    ),
    th.Property(
        "end_date",
        th.DateTimeType,
        title="End date",
        description="A sync stops here, exclusive: 2025-02-01 ends with 31 January. Default: the "
        "moment the run starts.",
    ),
    th.Property(
        "exports_api_url",
        th.StringType,
        default="https://exports.dixa.io",
        title="Exports API URL",
        description="Where the Exports API is: conversations and messages.",
    ),
    th.Property(
        "dixa_api_url",
        th.StringType,
        default="https://dev.dixa.io",
        title="Dixa API URL",
        description="Where the Dixa API is: everything else.",
    ),
    th.Property(
        "window_days",
        th.IntegerType(minimum=1, maximum=31),
        default=31,
        title="Window (days)",
        description="How many days one export request asks for. Dixa allows 31, and the fewer "
        "requests the faster; a smaller window needs less disk.",
    ),
    th.Property(
        "lookback_seconds",
        th.IntegerType(minimum=0, maximum=31_536_000),
        default=600,
        title="Lookback (seconds)",
        description="How far before its bookmark an incremental run starts, to catch changes "
        "that Dixa made visible late.",
    ),
    th.Property(
        "requests_per_minute",
        th.IntegerType(minimum=1, maximum=100_000),
        default=10,
        title="Requests per minute",
        description="The most requests a minute to the Exports API. Dixa's limit is about 10 "
        "for each token; lower it if something else uses the same token.",
    ),
    th.Property(
        "request_timeout_seconds",
        th.IntegerType(minimum=1, maximum=86_400),
        default=300,
        title="Request timeout (seconds)",
        description="How long to wait for Dixa to accept a connection or to send the next part "
        "of an answer.",
    ),
    th.Property(
        "refresh_anonymized",
        th.BooleanType,
        default=True,
        title="Refresh anonymized",
        description="Whether the messages of conversations that were anonymized since the last "
        "run are exported again, so that what Dixa erased leaves the warehouse too. It costs a "
        "request a run, and one for each 31 days in which such messages lie.",
    ),
    th.Property(
        "emit_activate_version_messages",
        th.BooleanType,
        default=False,
        title="Emit ACTIVATE_VERSION",
        description="Whether a list, such as agents or tags, ends with an ACTIVATE_VERSION "
        "message, so that a loader that knows it removes or marks the rows that have gone.",
    ),
    th.Property(
        "user_agent",
        th.StringType,
        title="User agent",
        description="The User-Agent header of every request. Default: tap-dixa and its version.",
    ),
).to_dict()
"""JSON Schema of the settings, as the SDK shows, checks and reads them from the environment."""

_PROPERTIES: dict[str, dict[str, Any]] = CONFIG_JSONSCHEMA["properties"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked settings. Times are Unix ms, UTC."""

    api_token: str
    start_date: int
    end_date: int | None
    exports_api_url: str
    dixa_api_url: str
    window_days: int
    lookback_seconds: int
    requests_per_minute: int
    request_timeout_seconds: int
    refresh_anonymized: bool
    user_agent: str | None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Settings:
        """Check a configuration and fill in defaults.

        Raises:
            SettingsError: A setting is missing or unusable. The message names the first one.
        """
        settings = cls(
            api_token=_token(config),
            start_date=_moment(config, "start_date"),
            end_date=_moment(config, "end_date") if config.get("end_date") else None,
            exports_api_url=_url(config, "exports_api_url"),
            dixa_api_url=_url(config, "dixa_api_url"),
            window_days=_integer(config, "window_days"),
            lookback_seconds=_integer(config, "lookback_seconds"),
            requests_per_minute=_integer(config, "requests_per_minute"),
            request_timeout_seconds=_integer(config, "request_timeout_seconds"),
            refresh_anonymized=_boolean(config, "refresh_anonymized"),
            user_agent=_text(config, "user_agent") if config.get("user_agent") else None,
        )
        if settings.end_date is not None and settings.end_date < settings.start_date:
            raise SettingsError("end_date is before start_date: nothing could be synced")
        return settings


def _value(config: Mapping[str, Any], name: str) -> Any:
    value = config.get(name)
    return _PROPERTIES[name].get("default") if value is None else value


def _text(config: Mapping[str, Any], name: str) -> str:
    value = _value(config, name)
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise SettingsError(f"{name} must be a text of plain ASCII characters")
    return value.strip()


def _token(config: Mapping[str, Any]) -> str:
    # Never shown, not even in part: a token with a typing mistake is still nearly a token.
    if not config.get("api_token") or not (token := _text(config, "api_token")):
        raise SettingsError(
            "api_token is missing: make one in Dixa under Settings, Integrations, API Tokens"
        )
    if " " in token:
        raise SettingsError("api_token has a space inside: copy the token alone, without 'Bearer'")
    return token


def _moment(config: Mapping[str, Any], name: str) -> int:
    value = _value(config, name)
    if not value:
        raise SettingsError(f"{name} is missing: give a date, such as 2025-01-31")
    try:
        # YAML makes a number of 20250131.
        moment = timestamps.parse_written(str(value))
        timestamps.to_rfc3339(moment)
    except (OverflowError, ValueError):
        raise SettingsError(
            f"{name} is not a clear date: {value!r}. Write year, month, day, as in 2025-01-31 or "
            "2025-01-31T09:00:00Z"
        ) from None
    return moment


def _integer(config: Mapping[str, Any], name: str) -> int:
    value = _value(config, name)
    low, high = _PROPERTIES[name]["minimum"], _PROPERTIES[name]["maximum"]
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise SettingsError(f"{name} must be a whole number from {low} to {high}, not {value!r}")
    return value


def _boolean(config: Mapping[str, Any], name: str) -> bool:
    value = _value(config, name)
    if not isinstance(value, bool):
        raise SettingsError(f"{name} must be true or false, not {value!r}")
    return value


def _url(config: Mapping[str, Any], name: str) -> str:
    value = _text(config, name).rstrip("/")
    try:
        parts = urlsplit(value)
        scheme, host = parts.scheme, (parts.hostname or "").encode("idna").decode()
        good = parts.port != 0 and "@" not in parts.netloc and not parts.query and " " not in value
    except ValueError:
        good = False
    if not good or scheme not in {"http", "https"} or not host:
        raise SettingsError(f"{name} must be a URL like {_PROPERTIES[name]['default']}")
    if scheme == "http" and not _is_loopback(host):
        raise SettingsError(f"{name} must be https: the token would travel in the clear")
    return value


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
