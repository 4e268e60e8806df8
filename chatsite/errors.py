"""What a visitor gets where the site itself is in trouble."""

import sys

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.defaults import server_error

from chatsite.realtime.outages import RETRY_AFTER_SECONDS, UnavailableError, is_outage


def failed(request: HttpRequest) -> HttpResponse:
    """`handler500`: 503 where only the database is away or can't save, which passes.

    Calls of the HTTP API end here, too, where it is the session or the person that can't be read.
    """
    if not is_outage(sys.exc_info()[1]):
        return server_error(request)
    if request.path.startswith("/api/"):
        response: HttpResponse = JsonResponse(UnavailableError().payload(), status=503)
    else:
        response = server_error(request)
        response.status_code = 503
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
