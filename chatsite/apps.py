from django.apps import AppConfig


class SiteConfig(AppConfig):
    name = "chatsite"
    verbose_name = "Chat site"

    def ready(self) -> None:
        from chatsite import checks  # noqa: F401 - registers them
