"""The knowledge base: collections, and the categories and articles of their catalogs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from typing_extensions import override

from tap_dixa.errors import UnusableRecordError
from tap_dixa.streams.children import ChildStream
from tap_dixa.streams.optional import OptionalStream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers.types import Context, Record


class KnowledgeCollectionsStream(OptionalStream):
    """Collections of articles."""

    name = "knowledge_collections"
    path = "/v1/knowledge/collections"
    primary_keys = ("id",)


class _Article(msgspec.Struct):
    id: str


class Catalog(msgspec.Struct):
    """What is in a collection, or in a category of it."""

    articles: list[_Article] | None = None
    categories: list[_Category] | None = None

    def category_ids(self) -> Iterator[str]:
        """Yield the id of each category in it, at every depth, a category before those in it."""
        for category in self.categories or ():
            yield category.id
            yield from category.category_ids()

    def article_ids(self) -> Iterator[str]:
        """Yield the id of each article in it, at every depth."""
        yield from (article.id for article in self.articles or ())
        for category in self.categories or ():
            yield from category.article_ids()


class _Category(Catalog, kw_only=True):
    id: str


class CatalogByCollection(ChildStream):
    """Reads the catalogs of collections. Not a stream of its own."""

    name = "knowledge_collections"
    path = "/v1/knowledge/collections/{collectionId}/catalog"
    primary_keys = ("id",)
    parent_key = "collectionId"
    one_row = True
    row_type: ClassVar = msgspec.Raw

    @override
    def to_record(self, row: Any, context: Context | None) -> Record:
        try:
            catalog = msgspec.json.decode(row, type=Catalog)
        except (msgspec.DecodeError, RecursionError):
            raise UnusableRecordError(
                f"{self.name}: Dixa sent a row whose {' and '.join(Catalog.__struct_fields__)} "
                f"cannot be used: {bytes(row)!r:.80}"
            ) from None
        return {"categories": catalog.category_ids(), "articles": catalog.article_ids()}


class CatalogItemsStream(ChildStream):
    """Items of the catalogs of all collections, each requested by its id.

    An item can be in several collections. Each is emitted once.
    """

    items: ClassVar[str]
    """Which items of a catalog: ``categories`` or ``articles``."""

    parent_key = "id"
    one_row = True
    is_optional = True

    @override
    def read_list(self) -> Iterator[Record]:
        ids = self._ids()
        for _, records in self.children_of(ids, reversed(ids)):
            yield from records

    def _ids(self) -> dict[str, None]:
        collections = self.another(KnowledgeCollectionsStream)
        parents = [collections.id_of(row) for row in collections.request_records(None)]
        catalogs = self.another(CatalogByCollection)
        ids = dict.fromkeys(
            item
            for _, records in catalogs.children_of(parents, reversed(parents))
            for catalog in records
            for item in catalog[self.items]
        )
        self.in_doubt |= collections.in_doubt or catalogs.in_doubt
        return ids


class KnowledgeCategoriesStream(CatalogItemsStream):
    """Categories, at every depth."""

    name = "knowledge_categories"
    path = "/v1/knowledge/categories/{id}"
    primary_keys = ("id",)
    items = "categories"


class KnowledgeArticlesStream(CatalogItemsStream):
    """Articles, with the draft and the published text in their default language."""

    name = "knowledge_articles"
    path = "/v1/knowledge/articles/{id}"
    primary_keys = ("id",)
    items = "articles"
