"""People's pictures: checked, cut to a square, and kept as small WebP files."""

import hashlib
import io
import re

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from accounts.models import User, avatar_storage

MAX_BYTES = 2 * 1024 * 1024
MAX_PIXELS = 40_000_000  # a small file may unfold into gigabytes
SIDE_PIXELS = 256
QUALITY = 85
FORMATS = ("PNG", "JPEG", "WEBP")
DIGEST_CHARACTERS = 16
NAME = re.compile(rf"\d+-[0-9a-f]{{{DIGEST_CHARACTERS}}}\.webp")


class BadPictureError(ValueError):
    """Not a picture that we take; the text says why."""


def encode(upload: UploadedFile) -> bytes:
    """A WebP of 256 pixels square: turned upright, cut around the middle, without the camera's facts.

    Raises BadPictureError for what is too large, of another kind, or broken.
    """
    if (upload.size or 0) > MAX_BYTES:
        raise BadPictureError(_("That picture is larger than 2 MB."))
    try:
        with Image.open(upload, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise BadPictureError(_("That picture has too many pixels."))
            return _squared(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, BadPictureError):
            raise
        raise BadPictureError(_("That is no picture in PNG, JPEG or WebP, or it is broken.")) from None


def _squared(image: Image.Image) -> bytes:
    image.draft("RGB", (2 * SIDE_PIXELS, 2 * SIDE_PIXELS))  # JPEG can be read at a fraction of its size
    upright = ImageOps.exif_transpose(image).convert("RGBA" if image.has_transparency_data else "RGB")
    square = ImageOps.fit(upright, (SIDE_PIXELS, SIDE_PIXELS))
    square.info.clear()
    out = io.BytesIO()
    square.save(out, "WEBP", quality=QUALITY)
    return out.getvalue()


def store(user: User, picture: bytes | None) -> None:
    """Gives somebody a picture made by `encode`, or none. The old file goes after the commit."""
    old, name = user.avatar.name, ""
    if picture is not None:
        digest = hashlib.sha256(picture).hexdigest()[:DIGEST_CHARACTERS]
        name = f"avatars/{user.pk}-{digest}.webp"
        storage = avatar_storage()
        if not storage.exists(name):
            storage.save(name, ContentFile(picture))
    user.avatar = name
    user.save(update_fields=["avatar"])
    if old and old != name:
        transaction.on_commit(lambda: avatar_storage().delete(old), robust=True)
