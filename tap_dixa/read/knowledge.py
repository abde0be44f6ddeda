"""The catalogs of the knowledge base, which name the items of its collections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from tap_dixa.errors import UnusableRecordError
from tap_dixa.log_shapes import shown_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Kind = Literal["articles", "categories"]


class _Article(msgspec.Struct):
    id: str


class _Catalog(msgspec.Struct):
    """What is in a collection, or in a category of it."""

    articles: list[_Article] | None = None
    categories: list[_Category] | None = None

    def ids(self, kind: Kind) -> Iterator[str]:
        """Yield the id of each item in it, at every depth, a category before those in it."""
        if kind == "articles":
            yield from (article.id for article in self.articles or ())
        for category in self.categories or ():
            if kind == "categories":
                yield category.id
            yield from category.ids(kind)


class _Category(_Catalog, kw_only=True):
    id: str


def item_ids(kind: Kind, catalogs: Iterable[bytes]) -> Iterator[str]:
    """Yield the id of each item in the JSON of catalogs: once, also if several have the item."""
    yield from dict.fromkeys(id_ for text in catalogs for id_ in _decode(text).ids(kind))


def _decode(text: bytes) -> _Catalog:
    try:
        return msgspec.json.decode(text, type=_Catalog)
    except (msgspec.DecodeError, RecursionError):
        raise UnusableRecordError(
            "knowledge_collections: Dixa sent a row whose articles and categories cannot be used: "
            f"{shown_text(bytes(text))}"
        ) from None
