"""The tap's settings: each one's schema, check and Python type, in one place."""

from __future__ import annotations

from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th
from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR

from tap_dixa.errors import SettingsError
from tap_dixa.setting_types import (
    integer_setting,
    optional,
    read_boolean,
    read_date,
    read_names,
    read_text,
    read_token,
    setting,
    url_setting,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked settings. Times are Unix ms, UTC."""

    api_token: str = setting(
        title="API token",
        description="The token that the tap authenticates with. An administrator makes one in "
        "Dixa under Settings, Integrations, API Tokens, for the API version “Dixa API”.",
        kind=th.StringType(),
        read=read_token,
        required=True,
        secret=True,
    )
    start_date: int = setting(
        title="Start date",
        description="The first sync begins here, inclusive: a date (midnight UTC) or a date and "
        "a time, such as 2025-01-31, 2025-01-31 09:00 (UTC) or 2025-01-31T09:00:00+01:00.",
        kind=th.DateTimeType(),
        read=read_date,
        required=True,
    )
    end_date: int | None = setting(
        title="End date",
        description="A sync stops here, exclusive: 2025-02-01 ends with 31 January. Default: "
        "the time at which the run starts.",
        kind=th.DateTimeType(),
        read=optional(read_date),
    )
    exports_api_url: str = url_setting(
        title="Exports API URL",
        description="The address of the Exports API: conversations and messages.",
        default="https://exports.dixa.io",
    )
    dixa_api_url: str = url_setting(
        title="Dixa API URL",
        description="The address of the Dixa API: all other streams.",
        default="https://dev.dixa.io",
    )
    window_days: int = integer_setting(
        title="Window (days)",
        description="How many days one window covers: the time range of one export request. Dixa "
        "allows up to 31. Larger windows need fewer requests, smaller ones need less disk.",
        default=31,
        minimum=1,
        maximum=31,
    )
    lookback_seconds: int = integer_setting(
        title="Lookback (seconds)",
        description="How far before its bookmark an incremental sync starts, to catch changes "
        "that Dixa shows late.",
        default=600,
        minimum=0,
        maximum=31_536_000,
    )
    requests_per_minute: int = integer_setting(
        title="Requests per minute",
        description="The maximum number of requests a minute to the Exports API. Dixa's limit is "
        "about 10 for each token. Lower it if something else uses the same token.",
        default=10,
        minimum=1,
        maximum=100_000,
    )
    page_size: int | None = integer_setting(
        title="Page size",
        description="How many rows to request per page of agents and end_users and, up to 300, of "
        "analytics_records and intelligence_records. Default: Dixa's own page size for agents and "
        "end_users, 300 for the others. Larger pages need fewer requests. Dixa does not document "
        "the maximum, and refuses the request (400) if a page is too large.",
        default=None,
        minimum=1,
        maximum=10_000,
    )
    parallel_downloads: int = integer_setting(
        title="Parallel downloads",
        description="How many windows may be requested or wait on disk while another one is "
        "emitted. Raise it if Dixa takes long to export a window; the rate limit still applies. "
        "The disk holds that many responses and one more.",
        default=3,
        minimum=1,
        maximum=8,
    )
    request_timeout_seconds: int = integer_setting(
        title="Request timeout (seconds)",
        description="How long to wait for Dixa to accept a connection or to send the next part "
        "of a response.",
        default=300,
        minimum=1,
        maximum=86_400,
    )
    refresh_anonymized: bool = setting(
        title="Refresh anonymized",
        description="Whether messages and activity log entries are emitted again if Dixa has "
        "anonymized their conversation since the last run, and messages also if they were "
        "redacted one by one. So what Dixa erased is erased in the warehouse too. It costs three "
        "requests a run, and more if anything was erased.",
        kind=th.BooleanType(),
        read=read_boolean,
        default=True,
    )
    analytics_record_ids: tuple[str, ...] | None = setting(
        title="Analytics record ids",
        description="Which record types analytics_records syncs, such as ratings: their ids in "
        "analytics_record_types. Default: all.",
        kind=th.ArrayType(th.StringType()),
        read=optional(read_names),
    )
    intelligence_record_ids: tuple[str, ...] | None = setting(
        title="Intelligence record ids",
        description="Which record types intelligence_records syncs, such as "
        "agentPresenceDuration: their ids in intelligence_record_types. Default: all.",
        kind=th.ArrayType(th.StringType()),
        read=optional(read_names),
    )
    intelligence_lookback_days: int = integer_setting(
        title="Intelligence lookback (days)",
        description="How many days before its bookmark intelligence_records starts, to read "
        "intervals again that had not ended, such as an agent's presence.",
        default=3,
        minimum=0,
        maximum=90,
    )
    emit_activate_version_messages: bool = setting(
        title="Emit ACTIVATE_VERSION",
        description="Whether a full-table stream, such as agents or tags, ends with an "
        "ACTIVATE_VERSION message, so that a target that supports it deletes rows that no "
        "longer exist in Dixa, or marks them as deleted.",
        kind=th.BooleanType(),
        read=read_boolean,
        default=False,
    )
    user_agent: str | None = setting(
        title="User agent",
        description="The User-Agent header of every request. Default: tap-dixa and its version.",
        kind=th.StringType(),
        read=optional(read_text),
    )

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Settings:
        """Check a configuration and fill in defaults.

        Raises:
            SettingsError: A setting is missing or unusable. The message names the first one.
        """
        values = {}
        for field in fields(cls):
            given = config.get(field.name)
            value = field.metadata["default"] if given is None else given
            values[field.name] = field.metadata["read"](field.name, value)
        settings = cls(**values)
        if settings.end_date is not None and settings.end_date < settings.start_date:
            raise SettingsError("end_date is before start_date: nothing could be synced")
        return settings


CONFIG_JSONSCHEMA: dict[str, Any] = th.PropertiesList(
    *(
        th.Property(field.name, field.metadata["kind"], **field.metadata["options"])
        for field in fields(Settings)
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
            raise SettingsError(f"{name} is not valid. tap-dixa --about describes it")
        kinds = error.validator_value
        wanted = " or ".join([kinds] if isinstance(kinds, str) else kinds)
        raise SettingsError(f"{name} must be of the type {wanted}")
