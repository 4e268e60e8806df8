"""Where django-allauth asks us: its errors in our words, its mails in our name."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.forms import Form
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User

WRONG_SIGN_IN = _("That name and password do not go together.")
WRONG_CODE = _("That is not the code. A new one comes every 30 seconds.")


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "account_inactive": _("This account was closed. An administrator can open it again."),
        "cannot_remove_primary_email": _("Choose another main address before removing this one."),
        "duplicate_email": _("You already have this address."),
        "email_password_mismatch": WRONG_SIGN_IN,
        "email_taken": _("Somebody already has an account with this address."),
        "enter_current_password": _("That is not your current password."),
        "incorrect_code": WRONG_CODE,
        "incorrect_password": _("That is not your password."),
        "invalid_login": WRONG_SIGN_IN,
        "invalid_password_reset": _("This link no longer works. Ask for a new one."),
        "max_email_addresses": _("You can have at most %d addresses."),
        "rate_limited": _("That was too often. Wait a few minutes."),
        "too_many_login_attempts": _("Too many wrong attempts. Wait five minutes, or reset your password."),
        "unknown_email": _("Nobody has an account with this address."),
        "unverified_primary_email": _("Verify an address before making it the main one."),
        "username_blacklisted": _("That user name is taken."),
        "username_password_mismatch": WRONG_SIGN_IN,
        "username_taken": _("Somebody already has that user name."),
    }

    def save_user(self, request: HttpRequest, user: User, form: Form, commit: bool = True) -> User:
        user.display_name = form.cleaned_data.get("display_name", "")
        user.time_zone = form.cleaned_data.get("time_zone", "")
        return super().save_user(request, user, form, commit)

    def format_email_subject(self, subject: str) -> str:
        return f"[{settings.SITE_NAME}] {subject}"

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        super().send_mail(template_prefix, email, {"site_name": settings.SITE_NAME, **context})


class MFAAdapter(DefaultMFAAdapter):
    error_messages = DefaultMFAAdapter.error_messages | {
        "add_email_blocked": _("Switch two-step sign-in off before adding an address."),
        "cannot_delete_authenticator": _("Two-step sign-in must stay on for this account."),
        "cannot_generate_recovery_codes": _("Recovery codes belong to two-step sign-in. Switch that on first."),
        "incorrect_code": WRONG_CODE,
        "unverified_email": _("Verify your email address first, so that you can't lock yourself out."),
    }

    def generate_authenticator_name(self, user: User, type: str) -> str:
        number = Authenticator.objects.filter(user=user, type=type).count() + 1
        return gettext("Passkey") if number == 1 else gettext("Passkey %(number)d") % {"number": number}

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {**super().get_public_key_credential_rp_entity(), "name": settings.SITE_NAME}

    def get_totp_issuer(self) -> str:
        return settings.SITE_NAME
