"""Items of the knowledge base, which the catalogs of its collections name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from tap_dixa.errors import UnusableRecordError
from tap_dixa.log_shapes import shown_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_dixa.read.children import ChildrenSource
    from tap_dixa.read.lists import ListSource

    Kind = Literal["articles", "categories"]


class _Article(msgspec.Struct):
    id: str


class Catalog(msgspec.Struct):
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


class _Category(Catalog, kw_only=True):
    id: str


class CatalogItemsSource:
    """Requests the items of the catalogs of all collections, each by its id.

    An item can be in several collections. Each is requested once.

    Args:
        kind: Which items.
        collections: Requests the collections.
        catalogs: Requests the catalog of a collection, as JSON.
        items: Requests an item.
    """

    def __init__(
        self,
        kind: Kind,
        collections: ListSource,
        catalogs: ChildrenSource,
        items: ChildrenSource,
    ) -> None:
        self._kind = kind
        self._collections = collections
        self._catalogs = catalogs
        self._items = items

    @property
    def answered(self) -> bool:
        """Whether a request for an item has succeeded."""
        return self._items.answered

    @property
    def in_doubt(self) -> bool:
        """Whether items may be missing."""
        sources = (self._collections, self._catalogs, self._items)
        return any(source.in_doubt for source in sources)

    def rows(self) -> Iterator[Any]:
        """Yield the items.

        Raises:
            UnusableRecordError: A catalog cannot be read.
        """
        collections = list(self._collections.rows_by_id())
        catalogs = map(_decode, self._catalogs.of_ids(collections))
        ids = dict.fromkeys(item for catalog in catalogs for item in catalog.ids(self._kind))
        yield from self._items.of_ids(list(ids))


def _decode(text: Any) -> Catalog:
    try:
        return msgspec.json.decode(text, type=Catalog)
    except (msgspec.DecodeError, RecursionError):
        raise UnusableRecordError(
            "knowledge_collections: Dixa sent a row whose articles and categories cannot be used: "
            f"{shown_text(bytes(text))}"
        ) from None
