"""Write Singer messages to standard output, many at a time."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib.messages import RecordMessage
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Iterable

    from singer_sdk.singerlib.messages import Message

    from tap_dixa.drafts import Draft

_ENCODER = msgspec.json.Encoder()


class _Record(msgspec.Struct, tag_field="type", tag="RECORD"):
    """A RECORD message, as the SDK writes it."""

    stream: str
    record: Draft
    time_extracted: datetime


class MessageWriter(MsgSpecWriter):
    """The SDK's msgspec writer, without a flush for every record.

    A STATE message still leaves at once, and everything before it.
    """

    @override
    def write_message(self, message: Message) -> None:
        sys.stdout.buffer.write(self.format_message(message))
        if not isinstance(message, RecordMessage):
            sys.stdout.flush()

    def write_records(self, stream: str, records: Iterable[Draft]) -> None:
        """Write a RECORD message for each record, in one go.

        Args:
            stream: The stream they belong to.
            records: Drafts of them: nothing more is done to them.
        """
        now = datetime.now(UTC)
        sys.stdout.buffer.write(
            _ENCODER.encode_lines([_Record(stream, record, now) for record in records])
        )
