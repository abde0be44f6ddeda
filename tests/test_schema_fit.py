"""Which fields a catalog excludes."""

from tap_dixa.streams.schema_fit import incomplete

TEXT = {"type": ["string", "null"]}


def an_object(**fields):
    return {"type": ["object", "null"], "properties": fields}


TAP_FIELDS = {
    "id": TEXT,
    "author": an_object(email=TEXT, name=TEXT),
    "tags": {"type": "array", "items": an_object(name=TEXT, shade=TEXT)},
}


def test_what_the_schema_of_a_catalog_lacks():
    assert incomplete(TAP_FIELDS, TAP_FIELDS) == set()
    given = {
        "author": an_object(name=TEXT, other=TEXT),
        "tags": {"type": "array", "items": an_object(name=TEXT)},
    }
    assert incomplete(TAP_FIELDS, given) == {"id", "author", "tags"}
    # An object without properties lets all of it pass.
    for open_field in ({"type": "object"}, {}):
        given = {"id": TEXT, "author": open_field, "tags": {"type": "array", "items": open_field}}
        assert incomplete(TAP_FIELDS, given) == set()
    given = {"id": TEXT, "author": TEXT, "tags": {"type": "array"}}
    assert incomplete(TAP_FIELDS, given) == set()
