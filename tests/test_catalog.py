"""What a catalog may ask of an incremental stream."""

from __future__ import annotations

import pytest
from singer_sdk.singerlib import Catalog

from tap_dixa.errors import SettingsError
from tap_dixa.streams.conversations import ConversationsStream
from tap_dixa.tap import TapDixa
from tests.conftest import catalog


class RenamedStream(ConversationsStream):
    """A stream of a user's own, which inherits its replication key."""


def apply(stream, **changes):
    tap = TapDixa(config={}, validate_config=False, setup_mapper=False)
    (entry,) = catalog("conversations")["streams"]
    built = stream(tap)
    built.apply_catalog(Catalog.from_dict({"streams": [{**entry, **changes}]}))
    return built


def test_a_subclass_has_its_parents_replication_key():
    assert apply(RenamedStream).replication_key == "updated_at"


@pytest.mark.parametrize("stream", [ConversationsStream, RenamedStream])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"replication_key": "created_at"}, "can only be replicated by updated_at"),
        ({"replication_method": "LOG_BASED"}, "INCREMENTAL or FULL_TABLE"),
        (
            {"schema": {"type": "object", "properties": {"updated_at": {"type": "string"}}}},
            "must stay a date-time",
        ),
    ],
)
def test_what_the_stream_cannot_do_is_refused(stream, changes, said):
    with pytest.raises(SettingsError, match=said):
        apply(stream, **changes)
