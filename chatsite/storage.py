"""Static files, collected: hashed, compressed, what pages load together packed, and the scripts' texts among them."""

from collections.abc import Iterator
from typing import Any

from django.core.files.base import ContentFile
from whitenoise.storage import CompressedManifestStaticFilesStorage

from chatsite import i18n, packs


class PackedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        """As Django's; the packs and the texts are made first, and then treated like any other file."""
        if not dry_run:
            for name, text in [*packs.files(self._text), *i18n.files()]:
                self.delete(name)
                paths[self.save(name, ContentFile(text.encode()))] = (self, name)
        yield from super().post_process(paths, dry_run=dry_run, **options)

    def _text(self, name: str) -> str:
        with self.open(name) as file:
            return str(file.read().decode())
