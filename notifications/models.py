"""Inboxes, what waits in them, and jobs."""

from django.conf import settings
from django.db import models
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _

from notifications.querysets import JobQuerySet, NotificationQuerySet


class Inbox(models.Model):
    """The head of one person's stream `inbox:<user id>`."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, verbose_name=_("person"))
    head_seq = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("inbox")
        verbose_name_plural = _("inboxes")

    def __str__(self) -> str:
        return f"inbox:{self.pk}"


class InboxEvent(models.Model):
    """One event of an inbox's stream, as it was told: `payload` holds the event's own keys."""

    inbox = models.ForeignKey(Inbox, models.CASCADE, related_name="events", db_index=False)
    seq = models.BigIntegerField()
    type = models.CharField(max_length=40)
    payload = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["inbox", "seq"], name="inboxevent_dense_seq")]
        verbose_name = _("inbox event")
        verbose_name_plural = _("inbox events")

    def __str__(self) -> str:
        return f"{self.type} {self.inbox_id}/{self.seq}"


class Notification(models.Model):
    """Something that waits for one person until it is read."""

    class Kind(models.TextChoices):
        MENTION = "mention", _("Mention")
        DIRECT = "direct", _("Direct message")
        REPLY = "reply", _("Reply")
        ROOM_ADDED = "room.added", _("Added to a room")
        JOB_SUCCEEDED = "job.succeeded", _("Job finished")
        JOB_FAILED = "job.failed", _("Job failed")
        JOB_STALLED = "job.stalled", _("Job stalled")
        JOB_CANCELLED = "job.cancelled", _("Job cancelled")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="notifications",
        db_index=False,
        verbose_name=_("person"),
    )
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("by")
    )
    job = models.ForeignKey(
        "Job", models.CASCADE, null=True, blank=True, related_name="notifications", verbose_name=_("job")
    )
    text = models.CharField(_("text"), max_length=200, blank=True)
    url = models.CharField(_("address"), max_length=200)
    data = models.JSONField(_("details"), default=dict)  # of the feature that told it, e.g. {"room": {"id", "name"}}
    room_ref = models.GeneratedField(
        expression=Cast(KT("data__room__id"), models.BigIntegerField()),
        output_field=models.BigIntegerField(null=True),
        db_persist=True,
    )
    created_at = models.DateTimeField(_("created"))
    read_at = models.DateTimeField(_("read"), null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["user", "-id"], name="notification_of_user"),
            models.Index(fields=["user", "-id"], condition=models.Q(read_at=None), name="notification_unread"),
            models.Index(
                fields=["user", "room_ref", "kind"], condition=models.Q(read_at=None), name="notification_of_room"
            ),
        ]
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.text}"


class Job(models.Model):
    """Work that runs for a while; this row is the truth about it.

    Whoever works on it holds a lease until `lease_until` and writes only while
    `lease_epoch` is still the one it claimed. An outside program's job has no `kind`:
    each of its reports renews the lease.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        STALLED = "stalled", _("Stalled")
        SUCCEEDED = "succeeded", _("Finished")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="jobs", db_index=False, verbose_name=_("owner")
    )
    key = models.CharField(_("key"), max_length=100, blank=True)
    kind = models.CharField(_("kind"), max_length=40, blank=True)
    title = models.CharField(_("title"), max_length=200)
    room_ref = models.BigIntegerField(null=True, blank=True, editable=False)
    language = models.CharField(_("language"), max_length=10, blank=True)  # of its steps, log and error
    params = models.JSONField(_("parameters"), default=dict, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.QUEUED)
    done = models.BigIntegerField(_("done"), default=0)
    total = models.BigIntegerField(_("total"), null=True, blank=True)
    step = models.CharField(_("step"), max_length=200, blank=True)
    rate = models.FloatField(_("units a second"), null=True, blank=True)  # units per second, smoothed
    progressed_at = models.DateTimeField(_("last progress"), null=True, blank=True)
    checkpoint = models.JSONField(_("checkpoint"), default=dict, blank=True)
    error = models.TextField(_("error"), blank=True)
    result_url = models.CharField(_("result"), max_length=200, blank=True)
    log_tail = models.TextField(_("end of the log"), blank=True)
    log_size = models.BigIntegerField(_("length of the log"), default=0)
    client_seq = models.BigIntegerField(_("last report"), null=True, blank=True)  # an outside program's last report
    attempt = models.PositiveIntegerField(_("attempt"), default=0)
    cancel_requested = models.BooleanField(_("to be cancelled"), default=False)
    cancel_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("cancelled by"),
    )
    lease_owner = models.CharField(_("worker"), max_length=80, blank=True)
    lease_epoch = models.PositiveIntegerField(_("number of the lease"), default=0)
    lease_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"))
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "key"],
                condition=models.Q(status__in=["queued", "running", "stalled"]) & ~models.Q(key=""),
                name="job_key_once_while_open",
            )
        ]
        indexes = [
            models.Index(fields=["owner", "-id"], name="job_of_owner"),
            models.Index(fields=["status", "lease_until"], name="job_lease"),
        ]
        verbose_name = _("job")
        verbose_name_plural = _("jobs")

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        return self.finished_at is None


class JobLog(models.Model):
    """A piece of a job's log, from character `start` on."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="log", db_index=False, verbose_name=_("job"))
    start = models.BigIntegerField()
    text = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "start"], name="joblog_piece")]
        verbose_name = _("piece of a job's log")
        verbose_name_plural = _("pieces of jobs' logs")

    def __str__(self) -> str:
        return f"{self.job_id}@{self.start}"
