"""The Celery engine. The broker only carries wake-ups; what is lost in it costs a moment, not a job."""

from typing import Any

from celery import Celery
from celery.signals import worker_ready, worker_shutdown
from django.conf import settings
from django.db import close_old_connections

from notifications.jobs.execute import execute
from notifications.jobs.sweep import Sweeper

app = Celery("chatsite", broker=settings.REDIS_URL or None)
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # however long the broker is away, the worker comes back with it
    broker_transport_options={
        "socket_connect_timeout": 2,
        "connect_retries_timeout": 2,
        "socket_timeout": 5,  # workers ask once a second, so that an idle one does not run into it
        "socket_keepalive": True,
    },
)

_sweeper = Sweeper()


@app.task(name="notifications.execute_job")
def execute_job(job_id: int) -> None:
    close_old_connections()
    try:
        execute(job_id)
    finally:
        close_old_connections()


@worker_ready.connect
def start_sweeping(**_kwargs: Any) -> None:
    _sweeper.start()


@worker_shutdown.connect
def stop_sweeping(**_kwargs: Any) -> None:
    _sweeper.stop()
