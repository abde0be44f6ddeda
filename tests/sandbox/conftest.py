"""A sandbox as a client sees it."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from urllib.parse import urljoin

import pytest
import requests

from tap_dixa_sandbox.server import Sandbox
from tests.conftest import made
from tests.events import HANG


@dataclass
class Client:
    """Sends requests to a sandbox."""

    sandbox: Sandbox
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path, *, headers=None, **query):
        authorization = {"Authorization": f"Bearer {self.sandbox.behaviour.token}"}
        headers = {**authorization, **(headers or {})}
        url = urljoin(self.sandbox.url, path)
        return self.session.get(url, params=query, headers=headers, timeout=HANG)

    def data(self, path, **query):
        response = self.get(path, **query)
        assert response.status_code == 200, response.text
        return response.json()["data"]

    def everything(self, path, **query):
        """Give all rows of a list, from all of its pages, by their links."""
        page = self.get(path, **query).json()
        found = page["data"]
        while link := page.get("meta", {}).get("next"):
            page = self.get(link).json()
            found += page["data"]
        return found

    def by_id(self, path, **query):
        """Give all rows of a list by their ids."""
        rows = self.everything(path, **query)
        found = {row["id"]: row for row in rows}
        assert len(found) == len(rows)
        return found


@pytest.fixture(scope="module")
def shared():
    """Start a sandbox for tests that only read it."""
    with ExitStack() as running:
        yield lambda **options: Client(running.enter_context(made(**options)))
