"""The tap's settings: each one's type, check, JSON Schema and description, in one place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from msgspec.structs import FieldInfo
from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR

from tap_dixa.errors import SettingsError
from tap_dixa.setting_values import date, text, token, url

_CHECKS = {
    "api_token": token,
    "start_date": date,
    "end_date": date,
    "exports_api_url": url,
    "dixa_api_url": url,
    "user_agent": text,
}
"""What checks and converts a setting, if its type does not."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Checked settings. Times are Unix ms, UTC."""

    api_token: Annotated[
        str,
        Meta(
            description="The token that the tap authenticates with. An administrator makes one in "
            "Dixa under Settings, Integrations, API Tokens, for the API version “Dixa API”.",
            extra_json_schema={"secret": True, "writeOnly": True},
        ),
    ]
    start_date: Annotated[
        int,
        Meta(
            description="The first sync begins here, inclusive: a date (midnight UTC) or a date "
            "and a time, such as 2025-01-31, 2025-01-31 09:00 (UTC) or 2025-01-31T09:00:00+01:00.",
        ),
    ]
    end_date: Annotated[
        int | None,
        Meta(
            description="A sync stops here, exclusive: 2025-02-01 ends with 31 January. "
            "Default: the time at which the run starts.",
        ),
    ] = None
    exports_api_url: Annotated[
        str,
        Meta(description="The address of the Exports API: conversations and messages."),
    ] = "https://exports.dixa.io"
    dixa_api_url: Annotated[
        str,
        Meta(description="The address of the Dixa API: all other streams."),
    ] = "https://dev.dixa.io"
    window_days: Annotated[
        int,
        Meta(
            description="How many days one window covers: the time range of one export request. "
            "Dixa allows up to 31. Larger windows need fewer requests, smaller ones need less "
            "disk.",
            ge=1,
            le=31,
        ),
    ] = 31
    lookback_seconds: Annotated[
        int,
        Meta(
            description="How far before its bookmark an incremental sync starts, to catch changes "
            "that Dixa shows late.",
            ge=0,
            le=31_536_000,
        ),
    ] = 600
    requests_per_minute: Annotated[
        int,
        Meta(
            description="The maximum number of requests a minute to the Exports API. Dixa's limit "
            "is about 10 for each token. Lower it if something else uses the same token.",
            ge=1,
            le=100_000,
        ),
    ] = 10
    page_size: (
        Annotated[
            int,
            Meta(
                description="How many rows to request per page of agents and end_users and, up to "
                "300, of analytics_records and intelligence_records. Default: Dixa's own page "
                "size for agents and end_users, 300 for the others. Larger pages need fewer "
                "requests. Dixa does not document the maximum, and refuses the request (400) if a "
                "page is too large.",
                ge=1,
                le=10_000,
            ),
        ]
        | None
    ) = None
    parallel_downloads: Annotated[
        int,
        Meta(
            description="How many windows may be requested or wait on disk while another one is "
            "emitted. Raise it if Dixa takes long to export a window; the rate limit still "
            "applies. The disk holds that many responses and one more.",
            ge=1,
            le=8,
        ),
    ] = 3
    request_timeout_seconds: Annotated[
        int,
        Meta(
            description="How long to wait for Dixa to accept a connection or to send the next "
            "part of a response.",
            ge=1,
            le=86_400,
        ),
    ] = 300
    refresh_anonymized: Annotated[
        bool,
        Meta(
            description="Whether messages and activity log entries are emitted again if Dixa has "
            "anonymized their conversation since the last run, and messages also if they were "
            "redacted one by one. So what Dixa erased is erased in the warehouse too. It costs "
            "three requests a run, and more if anything was erased.",
        ),
    ] = True
    conversation_ids: Annotated[
        tuple[Annotated[int, Meta(ge=1)], ...] | None,
        Meta(
            description="A run with these ids asks Dixa for these conversations and all of their "
            "messages, whenever they were, and for nothing else. It moves no bookmark, and logs "
            "which ones came and which ones Dixa does not have: for conversations that are missing "
            "in the warehouse. Default: what is new is synced.",
        ),
    ] = None
    analytics_record_ids: Annotated[
        tuple[str, ...] | None,
        Meta(
            description="Which record types analytics_records syncs, such as ratings: their "
            "ids in analytics_record_types. Default: all.",
        ),
    ] = None
    intelligence_record_ids: Annotated[
        tuple[str, ...] | None,
        Meta(
            description="Which record types intelligence_records syncs, such as "
            "agentPresenceDuration: their ids in intelligence_record_types. Default: all.",
        ),
    ] = None
    intelligence_lookback_days: Annotated[
        int,
        Meta(
            description="How many days before its bookmark intelligence_records starts, to read "
            "intervals again that had not ended, such as an agent's presence.",
            ge=0,
            le=90,
        ),
    ] = 3
    emit_activate_version_messages: Annotated[
        bool,
        Meta(
            description="Whether a full-table stream, such as agents or tags, ends with an "
            "ACTIVATE_VERSION message, so that a target that supports it deletes rows that no "
            "longer exist in Dixa, or marks them as deleted.",
        ),
    ] = False
    user_agent: Annotated[
        str | None,
        Meta(
            description="The User-Agent header of every request. Default: tap-dixa and its version."
        ),
    ] = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Settings:
        """Check a configuration and fill in defaults.

        Raises:
            SettingsError: A setting is missing or unusable. The message names the first one, and
                where it seems to be.
        """
        given: dict[str, Any] = dict.fromkeys(CONFIG_JSONSCHEMA["required"])
        # An empty value counts as none, as an empty environment variable does.
        given |= {name: value for name, value in config.items() if value not in (None, "", [])}
        for name, check in _CHECKS.items():
            try:
                if name in given:
                    given[name] = check(given[name])
            except ValueError as error:
                if given[name] is None and (hint := _where_it_is(name, config)):
                    raise SettingsError(f"{name} is missing. {hint}") from None
                raise SettingsError(f"{name} {error}") from None
        try:
            settings = msgspec.convert(given, cls)
        except msgspec.ValidationError as error:
            # Such as: Expected `int` <= 31 - at `$.window_days`
            message = str(error).replace("`", "").replace("Expected ", "must be ")
            reason, _, name = message.rpartition(" - at $.")
            raise SettingsError(f"{name} {reason}") from None
        if settings.end_date is not None and settings.end_date < settings.start_date:
            raise SettingsError("end_date is before start_date: nothing could be synced")
        return settings


def _where_it_is(missing: str, config: Mapping[str, Any]) -> str:
    """Say where a setting that is missing seems to be: in the environment, or misspelt."""
    variable = f"TAP_DIXA_{missing.upper()}"
    if os.environ.get(variable, "").strip():
        return f"{variable} is set: add --config ENV"
    unknown = config.keys() - CONFIG_JSONSCHEMA["properties"].keys()
    near = get_close_matches(missing, unknown, n=1, cutoff=0.8)
    return f"Did you mean it by {near[0]}?" if near else ""


def _json_schema(field: FieldInfo) -> dict[str, Any]:
    """Give the JSON Schema of a setting, with its title, description and default."""
    schema: dict[str, Any] = msgspec.json.schema(field.type)
    schema |= schema.pop("anyOf", [{}])[0]  # or null
    title = field.name.replace("_", " ").replace("api", "API").replace("url", "URL")
    schema["title"] = title[0].upper() + title[1:]
    if _CHECKS.get(field.name) is date:
        schema |= {"type": "string", "format": "date-time"}
    schema["type"] = [schema["type"]] if field.required else [schema["type"], "null"]
    if not field.required and field.default is not None:
        schema["default"] = field.default
    return schema


_FIELDS = msgspec.structs.fields(Settings)

CONFIG_JSONSCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {field.name: _json_schema(field) for field in _FIELDS},
    "required": [field.name for field in _FIELDS if field.required],
    "$schema": "https://json-schema.org/draft/2020-12/schema",
}
"""JSON Schema of the settings, as the SDK shows and validates them."""


def check_sdk_settings(config: Mapping[str, Any], schema: Mapping[str, Any]) -> list[str]:
    """Check all settings by their schema, as the SDK would. No message shows a value.

    Returns:
        Names of settings that there are not, and that resemble none.

    Raises:
        SettingsError: A setting does not fit the schema, or has the name of none and nearly the
            name of one.
    """
    unknown = sorted(config.keys() - schema["properties"].keys())
    for name in unknown:
        if near := get_close_matches(name, schema["properties"], n=1, cutoff=0.8):
            raise SettingsError(f"there is no setting {name}. Did you mean {near[0]}?")
    try:
        errors = list(DEFAULT_JSONSCHEMA_VALIDATOR(schema).iter_errors(config))
    except AttributeError:
        # The SDK's schema of that option of stream maps is none.
        raise SettingsError("__else__ in stream_maps can only be null") from None
    for error in errors:
        name = ".".join(map(str, error.absolute_path))
        if error.validator != "type":
            raise SettingsError(f"{name} is not valid. tap-dixa --about describes it")
        kinds = error.validator_value
        wanted = " or ".join([kinds] if isinstance(kinds, str) else kinds)
        raise SettingsError(f"{name} must be of the type {wanted}")
    return unknown
