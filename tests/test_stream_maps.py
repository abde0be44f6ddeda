"""Which stream maps are refused before anything is requested, and which are not."""

import pytest

from tap_dixa.errors import SettingsError
from tap_dixa.singer.stream_map_checks import check_stream_maps
from tap_dixa.streams import STREAMS
from tap_dixa.streams.base import SCHEMAS

PROPERTIES = {one.name: SCHEMAS.get_schema(one.name)["properties"] for one in STREAMS}
VALUES = {"seed": "s3cret"}
HASH = "sha256(config['seed'] + self) if self else None"

TYPOS = {
    "a stream": ({"conversation": None}, "conversation", "conversations"),
    "a source": ({"chats": {"__source__": "convesations"}}, "convesations", "conversations"),
    "a pattern": ({"mesages*": {"text": None}}, "mesages*", "messages"),
    "removed": ({"conversations": {"requester_emial": None}}, "requester_emial", "requester_email"),
    "far away, but hashed": ({"end_users": {"displayname": HASH}}, "displayname", "displayName"),
    "hashed by its right name": (
        {"conversations": {"requester_emial": "sha256(requester_email)"}},
        "requester_emial",
        "requester_email",
    ),
    "transposed": ({"end_users": {"emial": "'x'"}}, "emial", "email"),
    "camel case": (
        {"conversations": {"requesterEmail": "'x'"}},
        "requesterEmail",
        "requester_email",
    ),
    "flattened": ({"activity_logs": {"author__email": None}}, "author__email", "author"),
    "in all streams": ({"*": {"requester_emial": None}}, "requester_emial", "requester_email"),
    "in a source": (
        {"chats": {"__source__": "conversations", "requester_emial": None}},
        "requester_emial",
        "requester_email",
    ),
    "an option": ({"messages": {"__filtr__": "direction == 'inbound'"}}, "__filtr__", "__filter__"),
}


@pytest.mark.parametrize(("maps", "written", "meant"), TYPOS.values(), ids=TYPOS)
def test_a_typing_mistake_is_refused_with_what_was_meant(maps, written, meant):
    with pytest.raises(SettingsError) as refused:
        check_stream_maps(maps, PROPERTIES, VALUES)
    assert written in str(refused.value)
    assert meant in str(refused.value)


def test_what_resembles_nothing_is_refused_too():
    with pytest.raises(SettingsError, match=r"no property qqqqqqqqq\. tap-dixa --discover"):
        check_stream_maps({"tags": {"qqqqqqqqq": None}}, PROPERTIES, VALUES)


@pytest.mark.parametrize("values", [{}, {"seed": ""}, {"seed": None}, {"sed": "s3cret"}])
def test_a_map_without_its_secret_is_refused(values):
    with pytest.raises(SettingsError, match="email of end_users needs seed, which stream_map_conf"):
        check_stream_maps({"end_users": {"email": HASH}}, PROPERTIES, values)


MEANT = {
    "all streams": {"*": {"__alias__": "'raw_' + __stream_name__"}},
    "no stream but these": {"tags": {}, "__else__": None},
    "a copy": {"chats": {"__source__": "conversations", "requester_email": None}},
    "derived names": {
        "conversations": {
            "requester_domain": "requester_email",
            "requester": "requester_id",
            "requester_email_hash": "sha256(requester_email)",
            "requester_email2": "requester_email",
            "created_date": "created_at[:10]",
            "created_day": "created_at[8:10]",
            "handling_duration_s": "handling_duration / 1000",
        },
        "messages": {"ts": "created_at", "text_length": "len(text or '')"},
        "end_users": {"emailHash": "md5(email)", "name": "displayName"},
    },
    "a near name beside what it resembles": {
        "end_users": {"emails": "[email, *additionalEmails]", "email": "email"},
    },
    "a near name, and nothing else is emitted": {
        "conversations": {"id": "id", "requester_emails": "[requester_email]", "__else__": None},
    },
}


@pytest.mark.parametrize("maps", MEANT.values(), ids=MEANT)
def test_what_is_meant_is_accepted(maps):
    check_stream_maps(maps, PROPERTIES, VALUES)
