"""For whoever watches the server: is it alive, is it ready, how is it doing."""

import ipaddress

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from prometheus_client.core import REGISTRY

from accounts import tokens
from accounts.models import Scope
from chatsite import probes, vitals
from chatsite.realtime import hub as hubs
from notifications.models import Job


@require_GET
@never_cache
def alive(request: HttpRequest) -> HttpResponse:
    """This process answers."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_GET
@never_cache
def ready(request: HttpRequest) -> JsonResponse:
    """Whether what the site needs is there: `{"database": "ok", …}`, with 503 where something isn't."""
    found = probes.answers()
    healthy = all(value == "ok" for value in found.values())
    return JsonResponse(found, status=200 if healthy else 503)


@require_GET
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for a token with the scope `metrics` or for this very machine."""
    if not _may_read_metrics(request):
        return HttpResponse("Not for you.\n", status=403, content_type="text/plain")
    here = CollectorRegistry()
    hub = hubs.current()
    _gauge(here, "chat_sockets_open", "Open sockets of this process", hub.sockets_open if hub else 0)
    _gauge(here, "chat_deliveries_total", "Frames fanned out by this process", hub.deliveries if hub else 0)
    _gauge(here, "chat_event_loop_latency_ms", "How late the event loop wakes up", vitals.latency_ms())
    for status in Job.Status:
        count = Job.objects.filter(status=status).count()
        _gauge(here, f"chat_jobs_{status}", f"Jobs that are {status}", count)
    return HttpResponse(generate_latest(REGISTRY) + generate_latest(here), content_type=CONTENT_TYPE_LATEST)


def _gauge(registry: CollectorRegistry, name: str, words: str, value: float) -> None:
    Gauge(name, words, registry=registry).set(value)


def _may_read_metrics(request: HttpRequest) -> bool:
    kind, _, key = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        token = tokens.find(key.strip())
        return token is not None and Scope.METRICS in token.scopes
    # Behind a proxy everybody comes from loopback, but not without being forwarded
    forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return not forwarded and ipaddress.ip_address(request.META.get("REMOTE_ADDR") or "0.0.0.0").is_loopback  # noqa: S104
