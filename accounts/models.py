"""People and the tokens that programs sign in with."""

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.core.files.storage import FileSystemStorage
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.querysets import AccessTokenQuerySet

THEMES = [("system", _("As the system")), ("light", _("Light")), ("dark", _("Dark"))]

username_validator = RegexValidator(
    r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z",
    _("A user name is made of letters, digits, dots, hyphens and underscores, and begins with a letter or a digit."),
)


def avatar_storage() -> FileSystemStorage:
    """Pictures have their addresses at the site's root: `/avatars/…`, a view that asks who reads."""
    return FileSystemStorage(base_url="/")


class User(AbstractUser):
    """Somebody who signs in. `username` is the handle that @mentions use."""

    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    username = models.CharField(
        _("user name"),
        max_length=40,
        unique=True,
        validators=[username_validator],
        error_messages={"unique": _("Somebody already has that user name.")},
    )
    display_name = models.CharField(_("name"), max_length=80, blank=True)
    avatar = models.ImageField(_("picture"), storage=avatar_storage, upload_to="avatars/", blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True, choices=settings.LANGUAGES)
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    theme = models.CharField(_("theme"), max_length=6, choices=THEMES, default="system")
    last_seen_at = models.DateTimeField(_("last here"), null=True, blank=True, editable=False)

    class Meta(AbstractUser.Meta):
        verbose_name = _("person")  # type: ignore[assignment]
        verbose_name_plural = _("people")  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The name that others see."""
        return self.display_name or self.username

    @property
    def avatar_name(self) -> str:
        """The picture's stored name; empty for none.

        `avatar` would make a file of it, which knows its person as they know it: they wait for the garbage
        collector, and in a page of history is a person for each message.
        """
        stored = vars(self).get("avatar")
        return stored if isinstance(stored, str) else self.avatar.name or ""

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name


class Scope(models.TextChoices):
    """What a token may do."""

    READ = "read", _("Read rooms, messages and the inbox")
    WRITE = "write", _("Post and change messages and rooms")
    JOBS = "jobs", _("Start and report jobs")
    METRICS = "metrics", _("Read the server's metrics")


class AccessToken(models.Model):
    """A program's key. Only its digest is kept; the key itself is shown once."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="access_tokens", verbose_name=_("person")
    )
    name = models.CharField(_("name"), max_length=80)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(_("beginning"), max_length=12, editable=False, help_text=_("The key's first characters"))
    scopes = models.JSONField(_("scopes"), default=list)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)

    objects = AccessTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        verbose_name = _("access token")
        verbose_name_plural = _("access tokens")

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"

    @property
    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()
