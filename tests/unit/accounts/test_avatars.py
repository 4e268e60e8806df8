"""Pictures: made small and safe, or refused in words."""

import gc
import io
import weakref
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from accounts import avatars
from accounts.models import User
from accounts.payloads import person


@pytest.fixture(autouse=True)
def uploads(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def picture(kind: str = "PNG", size: tuple[int, int] = (600, 300), mode: str = "RGB", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 3 if mode in "LP" else (3, 120, 90, 200)[: len(mode)]).save(out, kind, **options)
    return out.getvalue()


def upload(content: bytes, name: str = "me.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="image/png")


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("PNG", "L"), ("JPEG", "CMYK"), ("WEBP", "RGB")]
)
def test_it_becomes_a_small_square(kind: str, mode: str) -> None:
    with Image.open(io.BytesIO(avatars.encode(upload(picture(kind, mode=mode))))) as made:
        assert (made.format, made.size) == ("WEBP", (256, 256))


def test_the_cameras_facts_are_dropped_and_its_turn_is_applied() -> None:
    facts = Image.Exif()
    facts[0x010F] = "Secret Camera"
    facts[0x0112] = 6  # turned by a quarter
    made = avatars.encode(upload(picture("JPEG", exif=facts)))
    assert b"Secret Camera" not in made
    with Image.open(io.BytesIO(made)) as image:
        assert not image.getexif()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a picture",
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        picture("GIF", mode="P"),
        picture("BMP"),
        picture("PNG")[:200],
        picture("JPEG")[:300],
        picture("WEBP")[:60],
    ],
)
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(avatars.BadPictureError, match="no picture"):
        avatars.encode(upload(content))


def test_too_many_bytes_are_refused() -> None:
    with pytest.raises(avatars.BadPictureError, match="2 MB"):
        avatars.encode(upload(b"x" * (avatars.MAX_BYTES + 1)))


def test_too_many_pixels_are_refused() -> None:
    bomb = picture("PNG", size=(10_000, 5_000), mode="L")
    assert len(bomb) < avatars.MAX_BYTES
    with pytest.raises(avatars.BadPictureError, match="pixels"):
        avatars.encode(upload(bomb))


def test_a_new_picture_is_served_and_the_old_one_goes(
    alice: User, client: Client, uploads: Path, django_capture_on_commit_callbacks: Any
) -> None:
    client.force_login(alice)
    client.post("/settings/", {"display_name": "Alice", "picture": upload(picture())})
    alice.refresh_from_db()
    first = person(alice)["avatar"]
    answer = client.get(first)
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/webp")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in answer["Cache-Control"]
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/settings/", {"display_name": "Alice", "picture": upload(picture(mode="L"))})
        alice.refresh_from_db()
    assert person(alice)["avatar"] != first
    assert client.get(first).status_code == 404
    assert len(list((uploads / "avatars").iterdir())) == 1


def test_it_can_be_removed(alice: User, client: Client) -> None:
    client.force_login(alice)
    client.post("/settings/", {"display_name": "Alice", "picture": upload(picture())})
    client.post("/settings/picture/remove/")
    alice.refresh_from_db()
    assert person(alice)["avatar"] is None


def test_showing_somebody_leaves_nothing_to_the_garbage_collector(alice: User) -> None:
    alice.avatar = "avatars/1-0123456789abcdef.webp"
    alice.save()
    gc.disable()
    try:
        shown = User.objects.get(pk=alice.pk)
        still_there = weakref.ref(shown)
        assert person(shown)["avatar"] == "/avatars/1-0123456789abcdef.webp"
        del shown
        assert still_there() is None
    finally:
        gc.enable()


def test_a_bad_file_changes_nothing_and_says_why(alice: User, client: Client) -> None:
    client.force_login(alice)
    answer = client.post("/settings/", {"display_name": "Changed", "picture": upload(b"not a picture")})
    assert "That is no picture in PNG, JPEG or WebP, or it is broken." in answer.content.decode()
    alice.refresh_from_db()
    assert (alice.display_name, bool(alice.avatar)) == ("Alice", False)


def test_pictures_are_for_who_is_signed_in(alice: User, client: Client) -> None:
    assert client.get("/avatars/1-0123456789abcdef.webp").status_code == 302
    client.force_login(alice)
    assert client.get("/avatars/1-0123456789abcdef.webp").status_code == 404
    assert client.get("/avatars/../db.sqlite3").status_code == 404
