"""A knowledge base: collections with categories in categories, and articles in either."""

from datetime import UTC, datetime
from random import Random
from typing import Any

from starlette.requests import Request

from tap_dixa_sandbox import contents
from tap_dixa_sandbox.arrivals import DAY
from tap_dixa_sandbox.contents import Content
from tap_dixa_sandbox.desk import Desk, uuid
from tap_dixa_sandbox.pages import Key, Paging
from tap_dixa_sandbox.times import zoned

Row = dict[str, Any]

_WRITTEN = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1000
_PAGING = Paging(most=100, usual=2)
_HELP, _INTERNAL, _EMPTY = "Help center", "Intern viden", "Not begun"
_CATEGORIES: dict[str, tuple[str, str | None]] = {
    "Orders": (_HELP, None),
    "Returns": (_HELP, "Orders"),
    "Policies": (_INTERNAL, None),
}
"""The collection and the parent of each category."""
_ARTICLES: dict[str, tuple[list[str], str | None]] = {
    "Getting started": ([_HELP], None),
    "Where is my order?": ([_HELP], "Orders"),
    "返品について": ([_HELP, _INTERNAL], "Returns"),
    "Refunds by hand": ([_INTERNAL], "Policies"),
}
"""The collections and the category of each article."""
_DRAFT = "Refunds by hand"
"""The article that was never published."""


class Knowledge:
    """The rows, and the contents of their routes.

    Args:
        desk: The desk; the same desk gives the same rows.
    """

    def __init__(self, desk: Desk) -> None:
        random = Random(f"knowledge {desk.seed}")
        names = (_HELP, _INTERNAL, _EMPTY, *_CATEGORIES, *_ARTICLES)
        self._ids = {name: uuid(random) for name in names}
        self._collections = [self._collection(name) for name in (_HELP, _INTERNAL, _EMPTY)]
        self._titles = {row["id"]: row["title"] for row in self._collections}
        self._categories = {self._ids[name]: self._category(name) for name in _CATEGORIES}
        self._articles = {
            self._ids[name]: self._article(name, random.choice(desk.agents).id, random)
            for name in _ARTICLES
        }

    @property
    def contents(self) -> dict[str, Content]:
        """The contents of the routes, by path."""
        return {
            "/knowledge/collections": self._list_collections,
            "/knowledge/collections/{id}/catalog": contents.by_id(self._catalog),
            "/knowledge/categories/{id}": contents.by_id(self._categories.__getitem__),
            "/knowledge/articles/{id}": contents.by_id(self._articles.__getitem__),
        }

    def _list_collections(self, request: Request) -> Row:
        return _PAGING.listed(request, Key.read(request), self._collections)

    def _catalog(self, collection: str) -> Row:
        name = self._titles[collection]
        # One without anything in it has no lists.
        return {} if name == _EMPTY else self._part(name, None)

    def _part(self, collection: str, parent: str | None) -> Row:
        """Write what lies in a collection's category, or beside its categories."""
        articles = [
            self._item(name)
            for name, (collections, category) in _ARTICLES.items()
            if collection in collections and self._place(collection, category) == parent
        ]
        categories = [
            {**self._item(name), **self._part(collection, name)}
            for name, place in _CATEGORIES.items()
            if place == (collection, parent)
        ]
        return {"articles": articles, "categories": categories}

    def _place(self, collection: str, category: str | None) -> str | None:
        """Say in which category of a collection an article lies: beside its default location."""
        return category if category and _CATEGORIES[category][0] == collection else None

    def _item(self, name: str) -> Row:
        return {"id": self._ids[name], "title": {"languageId": "en", "title": name}}

    def _collection(self, name: str) -> Row:
        row = {
            "id": self._ids[name],
            "title": name,
            "internalKbEnabled": name == _INTERNAL,
            "restrictions": {"isRestricted": name == _INTERNAL},
        }
        return row if name == _EMPTY else {**row, "description": f"All of {name}"}

    def _category(self, name: str) -> Row:
        collection, parent = _CATEGORIES[name]
        row = {
            **self._item(name),
            "parentCollections": [self._ids[collection]],
            "isDefaultLocation": True,
            "isLocked": name == "Policies",
            "restrictions": self._restrictions([collection]),
        }
        return {**row, "parentCategory": self._ids[parent]} if parent else row

    def _restrictions(self, collections: list[str]) -> Row:
        if _INTERNAL not in collections:
            return {"isRestricted": False}
        inherited = [{"fromCollection": self._ids[_INTERNAL]}]
        return {"isRestricted": True, "inheritedRestrictions": inherited}

    def _article(self, name: str, author: str, random: Random) -> Row:
        collections, category = _ARTICLES[name]
        created = _WRITTEN + random.randrange(300 * DAY)
        edited = created + random.randrange(DAY)
        row: Row = {
            "id": self._ids[name],
            "parentCollections": [self._ids[collection] for collection in collections],
            "isDefaultLocation": True,
            "tags": [uuid(random)] if len(collections) > 1 else [],
            "createdBy": author,
            "createdAt": zoned(created),
            "updatedAt": zoned(edited),
            "restrictions": self._restrictions(collections),
            "translation": {"draft": _version(name, created, edited)},
        }
        if category:
            row |= {"parentCategory": self._ids[category], "ownedBy": author}
        if name != _DRAFT:
            row |= {"updatedBy": author, "indexedAt": zoned(edited), "indexedBy": author}
            published = {**_version(name, created, edited), "isIndexedVersion": True}
            link = {"id": uuid(random), "name": "Help", "url": "https://help.shop.example"}
            row["translation"]["published"] = {
                **published,
                "createdBy": author,
                "availableAt": {"helpCenterLinks": [link]},
            }
        return row


def _version(title: str, created: int, edited: int) -> Row:
    return {
        "language": "en",
        "title": title,
        "isIndexedVersion": False,
        "contents": {"html": f"<p>{title} 📦</p>", "plaintext": f"{title} 📦"},
        "availableAt": {},
        "createdAt": zoned(created),
        "updatedAt": zoned(edited),
    }
