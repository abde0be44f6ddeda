"""Routes that change a running sandbox. Dixa has nothing like them.

``curl -X POST $TAP_DIXA_DIXA_API_URL/sandbox/anonymize/CSID`` anonymizes the conversation with
that id, now: 204 if there is one, 404 if not. ``/sandbox/redact/CSID/ID`` redacts one of its
messages. Neither needs a token: the port is local.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from tap_dixa_sandbox.dataset import DataSet


def routes(data: DataSet) -> list[Route]:
    """Make the routes that change a data set."""
    changes: dict[str, Callable[..., None]] = {
        "/sandbox/anonymize/{csid:int}": data.anonymize,
        "/sandbox/redact/{csid:int}/{message_id}": data.redact,
    }
    return [Route(path, _changing(change), methods=["POST"]) for path, change in changes.items()]


def _changing(change: Callable[..., None]) -> Callable[[Request], Response]:
    def respond(request: Request) -> Response:
        try:
            change(**request.path_params)
        except LookupError as error:
            raise HTTPException(404, str(error)) from None
        return Response(status_code=204)

    return respond
