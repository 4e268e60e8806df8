from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "chatsite"
    verbose_name = "Chat site"
