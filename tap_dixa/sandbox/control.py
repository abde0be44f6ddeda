"""Routes that change a running sandbox. Dixa has nothing like them.

``curl -X POST $TAP_DIXA_DIXA_API_URL/sandbox/anonymize/CSID`` anonymizes the conversation with
that id, now: 204 if there is one, 404 if not. It needs no token: the port is local.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from tap_dixa.sandbox.dataset import DataSet


def routes(data: DataSet) -> list[Route]:
    """Make the routes that change a data set."""

    def anonymize(request: Request) -> Response:
        try:
            data.anonymize(request.path_params["csid"])
        except LookupError as error:
            raise HTTPException(404, str(error)) from None
        return Response(status_code=204)

    return [Route("/sandbox/anonymize/{csid:int}", anonymize, methods=["POST"])]
