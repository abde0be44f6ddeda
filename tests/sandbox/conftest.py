"""A sandbox as a client sees it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import pytest
import requests

from tests.conftest import made
from tests.events import HANG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tap_dixa_sandbox.server import Sandbox


@dataclass
class Client:
    """Sends requests to a sandbox."""

    sandbox: Sandbox
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.get_with(path, {}, **query)

    def get_with(self, path: str, headers: dict[str, str], **query: Any) -> requests.Response:
        authorization = {"Authorization": f"Bearer {self.sandbox.behaviour.token}"}
        url = urljoin(self.sandbox.url, path)
        return self.session.get(url, params=query, headers=authorization | headers, timeout=HANG)

    def data(self, path: str, **query: Any) -> Any:
        response = self.get(path, **query)
        assert response.status_code == 200, response.text
        return response.json()["data"]

    def pages(self, path: str, **query: Any) -> list[list[dict[str, Any]]]:
        """Give all pages of a list, by their links."""
        response = self.get(path, **query).json()
        found = [response["data"]]
        while link := response.get("meta", {}).get("next"):
            response = self.get(link).json()
            found.append(response["data"])
        return found

    def everything(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Give all rows of a list, from all of its pages."""
        return [row for page in self.pages(path, **query) for row in page]

    def by_id(self, path: str, **query: Any) -> dict[Any, dict[str, Any]]:
        """Give all rows of a list by their ids."""
        rows = self.everything(path, **query)
        found = {row["id"]: row for row in rows}
        assert len(found) == len(rows)
        return found


@pytest.fixture(scope="module")
def shared() -> Iterator[Callable[..., Client]]:
    """Start a sandbox for tests that only read it."""
    with ExitStack() as running:
        yield lambda **options: Client(running.enter_context(made(**options)))


@pytest.fixture
def connect(serve: Callable[..., Sandbox]) -> Callable[..., Client]:
    """Start a sandbox, with a client."""
    return lambda **options: Client(serve(**options))
