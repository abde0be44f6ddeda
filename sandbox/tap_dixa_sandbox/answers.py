"""The note that the sandbox makes of each request it has answered."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from tap_dixa_sandbox.filters import BadQueryError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request


@dataclass
class Answer:
    """How a request is answered."""

    status: int = 500
    """The HTTP status. Whoever makes the response sets it; an error sets its own."""


@contextmanager
def noting(request: Request, answered: list[tuple[str, dict[str, str], int]]) -> Iterator[Answer]:
    """Note a request once its response is made, whatever comes of it.

    Args:
        request: The request.
        answered: Where its path, query and status are noted.

    Raises:
        HTTPException: As raised while the response was made; 400 for a `BadQueryError`.
    """
    answer = Answer()
    try:
        yield answer
    except BadQueryError as error:
        answer.status = 400
        raise HTTPException(answer.status, str(error)) from None
    except HTTPException as error:
        answer.status = error.status_code
        raise
    finally:
        query = dict(request.query_params)
        if body := getattr(request.state, "body", b""):
            query["body"] = body.decode(errors="replace")
        answered.append((request.url.path, query, answer.status))
