from django.apps import AppConfig
from django.db.models.signals import post_save
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("People")

    def ready(self) -> None:
        from accounts import identities, services
        from chatsite.realtime.identity import register_checker

        register_checker(identities.lost)
        post_save.connect(services.doubt_who_was_saved, sender="accounts.User", dispatch_uid="doubt")
