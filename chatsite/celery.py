"""`celery -A chatsite worker`: job runners in processes of their own, where JOBS_ENGINE is celery."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatsite.settings")
django.setup()

from notifications.jobs.celery import app  # noqa: E402 - needs the settings

__all__ = ["app"]
