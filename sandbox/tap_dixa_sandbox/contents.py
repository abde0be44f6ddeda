"""What a route of the Dixa API responds with, as far as several routes have it in common."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import Request

from tap_dixa_sandbox.filters import BadQueryError

Content = Callable[[Request], dict[str, Any] | list[dict[str, Any]]]
"""Makes the content of a response."""


def of(data: Any) -> Content:
    """Make the content that is the same for every request."""
    return lambda _: {"data": data}


def by_id(data: Callable[[str], Any]) -> Content:
    """Make the content that belongs to the UUID in the path.

    Args:
        data: Gives it for an id, or raises a LookupError.
    """

    def content(request: Request) -> dict[str, Any]:
        identifier = request.path_params["id"]
        try:
            UUID(identifier)
        except ValueError:
            raise BadQueryError("Invalid value for: path parameter") from None
        with not_found():
            return {"data": data(identifier)}

    return content


@contextmanager
def not_found() -> Iterator[None]:
    """Respond with 404 where a LookupError is raised."""
    try:
        yield
    except LookupError:
        raise HTTPException(404, "The requested resource could not be found") from None
