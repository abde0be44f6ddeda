"""The streams of the knowledge base. The catalogs of its collections name the items in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec
from typing_extensions import override

from tap_dixa.errors import UnusableRecordError
from tap_dixa.http.client import Request
from tap_dixa.log_shapes import shown_text
from tap_dixa.read.batches import Reader
from tap_dixa.read.children import ChildrenSource
from tap_dixa.read.lists import LIST_STATUSES, ListReader, ListSource
from tap_dixa.streams.lists import ListStream

Kind = Literal["articles", "categories"]


class KnowledgeCollectionsStream(ListStream):
    """Collections of articles."""

    name = "knowledge_collections"
    path = "/v1/knowledge/collections"
    is_optional = True


class KnowledgeCategoriesStream(ListStream):
    """Categories, at every depth."""

    name = "knowledge_categories"
    path = "/v1/knowledge/categories/{id}"
    one_row = True
    is_optional = True

    @override
    def read(self) -> Reader:
        return _of_catalogs("categories", self)


class KnowledgeArticlesStream(ListStream):
    """Articles, with the draft and the published text in their default language."""

    name = "knowledge_articles"
    path = "/v1/knowledge/articles/{id}"
    one_row = True
    is_optional = True

    @override
    def read(self) -> Reader:
        return _of_catalogs("articles", self)


def _of_catalogs(kind: Kind, stream: ListStream) -> Reader:
    """Read the items that are named by the catalogs of all collections."""
    collections = KnowledgeCollectionsStream.list_of(stream.run)
    request = Request("/v1/knowledge/collections/{collectionId}/catalog", complete=LIST_STATUSES)
    catalog = ListSource(collections.client, request, one_row=True, is_raw=True)
    catalogs = ChildrenSource(catalog, "collectionId")
    items = ChildrenSource(stream.list_of(stream.run), "id")
    ids = _item_ids(kind, catalogs.of_ids(collections.ids()))
    return ListReader(items.of_ids(ids), [collections, catalog, items.source])


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


def _item_ids(kind: Kind, catalogs: Iterable[bytes]) -> Iterator[str]:
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
