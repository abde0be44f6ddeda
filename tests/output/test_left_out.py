"""Which fields a catalog or a stream map leaves out or changes."""

from __future__ import annotations

import pytest

from tap_dixa.output.left_out import deselected, is_any_of, mapped, missing

TEXT = {"type": ["string", "null"]}


def an_object(**fields):
    return {"type": ["object", "null"], "properties": fields}


OWN = an_object(
    id=TEXT,
    author=an_object(email=TEXT, name=TEXT),
    tags={"type": "array", "items": an_object(name=TEXT, shade=TEXT)},
)


def test_a_part_and_a_whole_of_what_is_left_out_are_left_out_too():
    is_left_out = is_any_of({"author.email", "tags"})
    for path in ("author.email", "author", "author.email.host", "tags", "tags[].name", "tags[]"):
        assert is_left_out(path)
    for path in ("author.name", "author.emails", "authors", "email", "tag", "tagss[].name"):
        assert not is_left_out(path)
    assert not is_any_of(())("author")


def test_what_the_schema_of_a_catalog_lacks():
    assert list(missing(OWN, OWN)) == []
    given = an_object(
        author=an_object(name=TEXT, own=TEXT), tags={"type": "array", "items": an_object(name=TEXT)}
    )
    assert list(missing(OWN, given)) == ["id", "author.email", "tags.shade"]
    # An object without properties lets all of it pass.
    for open_part in ({"type": "object"}, {}):
        given = an_object(id=TEXT, author=open_part, tags={"type": "array", "items": open_part})
        assert list(missing(OWN, given)) == []
    given = an_object(id=TEXT, author=TEXT, tags={"type": "array"})
    assert list(missing(OWN, given)) == []


def test_what_a_catalog_deselects():
    selection = {
        (): True,
        ("properties", "id"): True,
        ("properties", "author", "properties", "email"): False,
        ("properties", "properties"): False,
        ("properties", "tags", "items", "properties", "shade"): False,
    }
    assert list(deselected(selection)) == ["author.email", "properties", "tags.shade"]


FIELDS = {"id", "from", "to", "text", "email"}


@pytest.mark.parametrize(
    ("one", "wanted"),
    [
        ({}, set()),
        ({"email": "__NULL__"}, {"email"}),
        ({"email": None}, {"email"}),
        ({"email": "md5(self)"}, {"email"}),
        ({"domain": "email.split('@')[-1] if text else None"}, {"email", "text"}),
        ({"domain": "_['from'] + record.to"}, {"from", "to"}),
        ({"all": "[record[name] for name in ['id', 'text']]"}, {"id", "text"}),
        ({"__filter__": "to is None"}, {"to"}),
        ({"__alias__": "text", "__key_properties__": ["id"], "new": "not an expression"}, set()),
        ({"id": "id", "__else__": "__NULL__"}, FIELDS),
        ({"id": "id", "__else__": None}, FIELDS),
    ],
)
@pytest.mark.parametrize("name", ["messages", "mess*", "copy"])
def test_what_stream_maps_name(one, wanted, name):
    source = {"__source__": "messages"} if name == "copy" else {}
    maps = {name: {**one, **source}, "conversations": {"to": None}, "__else__": "__NULL__"}
    assert set(mapped(maps, "messages", FIELDS)) == wanted
    assert set(mapped(maps, "conversations", FIELDS)) == {"to"}
