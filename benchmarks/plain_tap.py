"""What one gets from the SDK without further thought: a RESTStream and its msgspec writer."""

from typing import ClassVar

from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.schema.source import SchemaDirectory, StreamSchema

from tap_dixa import schemas


class Conversations(RESTStream):
    """The same endpoint and schema as the tap's."""

    name = "conversations"
    path = "/v1/conversation_export"
    primary_keys = ("id",)
    replication_key = "updated_at"
    schema: ClassVar = StreamSchema(SchemaDirectory(schemas))

    @property
    def url_base(self) -> str:
        """Where the server is."""
        return self.config["exports_api_url"]

    @property
    def authenticator(self) -> BearerTokenAuthenticator:
        """Send the token."""
        return BearerTokenAuthenticator(token=self.config["api_token"])

    def get_new_paginator(self) -> None:
        """Ask once: the export has no pages."""

    def get_replication_key_signpost(self, context: object = None) -> None:
        """Leave the bookmark alone: its integers cannot be compared with the SDK's datetime."""


class PlainTap(Tap):
    """A tap with nothing but that stream."""

    name = "tap-plain"
    message_writer_class = MsgSpecWriter
    config_jsonschema: ClassVar = th.PropertiesList(
        th.Property("exports_api_url", th.StringType),
        th.Property("api_token", th.StringType),
    ).to_dict()

    def discover_streams(self) -> list[Conversations]:
        """Give the stream."""
        return [Conversations(self)]


if __name__ == "__main__":
    PlainTap.cli()
