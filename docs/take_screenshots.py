#!/usr/bin/env python3
"""Takes README's pictures of a fresh demo site, with Chromium: .venv/bin/python docs/take_screenshots.py

Writes docs/pictures/*.png. The browser is the one of CHROMIUM or on PATH; emoji need a
font that has them (on Debian: apt-get install fonts-noto-color-emoji).
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
PASSWORD = "for these pictures only"
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
COLORS = 255
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

JOB = {"title": "Stitch the bay", "kind": "simulated", "params": {"steps": 50, "seconds": 25, "fail_chance": 0}}
PUBLISH = {"title": "Publish the west bar", "kind": "simulated", "params": {"steps": 50, "seconds": 15}}
NIGHTLY = {"title": "Nightly gauge check", "kind": "simulated"}
NIGHTLY_SECONDS = (0.9, 1.4, 1.1, 2.2, 0.8, 1.6, 1.2)
BACKUP = {"title": "Back up the archive", "total": 50}
BACKUP_FAILS = {"done": 35, "status": "failed", "step": "mirror-2 is full"}
CALL = """async ([method, path, body]) => {
  const {api} = await import('/static/chatsite/api.js')
  return api(method, path, body ?? undefined)
}"""


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, demo_site(Path(folder)) as origin, chromium() as browser:
        alice, bob = sign_in(browser, origin, "alice"), sign_in(browser, origin, "bob", viewport=PHONE, has_touch=True)
        make_history(alice)
        call(alice, "POST", "/api/jobs", JOB)
        take_progress(alice)
        take_rooms(alice, bob)
        take_phone(bob, alice)


@contextmanager
def demo_site(var: Path) -> Iterator[str]:
    """Serves fresh demo data; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environ = {**os.environ, "VAR_DIR": str(var), "PORT": str(port), "DEMO_PASSWORD": PASSWORD}
    for variable in ("DATABASE_URL", "REDIS_URL", "ALLOWED_HOSTS", "SITE_NAME"):
        environ.pop(variable, None)
    manage = [sys.executable, str(ROOT / "manage.py")]
    for command in (["migrate"], ["collectstatic", "--no-input"], ["seed_demo"]):
        subprocess.run([*manage, *command, "--verbosity", "0"], env=environ, check=True)
    server = subprocess.Popen([*manage, "serve"], env=environ, stdout=subprocess.PIPE, text=True)
    try:
        wait_until_it_serves(server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def wait_until_it_serves(server: subprocess.Popen[str]) -> None:
    assert server.stdout is not None
    for line in server.stdout:
        if line.startswith("Serving on"):
            return
    sys.exit("The demo site did not start")


@contextmanager
def chromium() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def sign_in(browser: Browser, origin: str, name: str, viewport: Any = DESKTOP, **options: Any) -> Page:
    context = browser.new_context(
        base_url=origin, viewport=viewport, reduced_motion="reduce", color_scheme="light", **options
    )
    page = context.new_page()
    page.goto("/accounts/login/")
    page.locator("[name=login]").fill(name)
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{origin}/")
    return page


def make_history(page: Page) -> None:
    """Some runs for the chart, and one that failed; all of it read already."""
    for seconds in NIGHTLY_SECONDS:
        run(page, {**NIGHTLY, "params": {"steps": 4, "seconds": seconds}})
    backup = call(page, "POST", "/api/jobs", BACKUP)
    call(page, "PATCH", f"/api/jobs/{backup['id']}", BACKUP_FAILS)
    newest = call(page, "GET", "/api/notifications")["notifications"][0]
    call(page, "POST", "/api/notifications/read", {"up_to": newest["id"]})


def run(page: Page, job: dict[str, Any]) -> None:
    started = call(page, "POST", "/api/jobs", job)
    while call(page, "GET", f"/api/jobs/{started['id']}")["status"] in ("queued", "running"):
        page.wait_for_timeout(200)


def call(page: Page, method: str, path: str, body: object = None) -> Any:
    """The HTTP API with the page's session."""
    return page.evaluate(CALL, [method, path, body])


def take_progress(alice: Page) -> None:
    alice.goto("/progress")
    expect(alice.locator(".work").filter(has_text="Step 20 of 50")).to_be_visible(timeout=30_000)
    expect(alice.locator("#toasts .toast")).to_have_count(0, timeout=30_000)
    keep(alice, "progress")


def take_rooms(alice: Page, bob: Page) -> None:
    """Light and dark: Bob names Alice and goes on typing while a process of hers runs."""
    alice.goto("/rooms/tiles/")
    bob.goto("/rooms/tiles/")
    write(bob, "@alice the seam at sheet 31 is gone :tada: Shall I publish?")
    expect(alice.locator(".msg.mention").last).to_contain_text("Shall I publish?")
    alice.locator("#timeline").evaluate("timeline => { timeline.scrollTop = timeline.scrollHeight }")
    call(alice, "POST", "/api/jobs", PUBLISH)
    toast = alice.locator("#toasts .toast").filter(has_text="Publish the west bar")
    expect(toast).to_contain_text(re.compile(r"Step [2-4]\d of 50"), timeout=30_000)
    bob.locator("#composer").press_sequentially("Or do you want to", delay=10)
    expect(alice.locator(".typing")).to_contain_text("is typing")
    keep(alice, "room-light")
    alice.emulate_media(color_scheme="dark")
    keep(alice, "room-dark")


def write(page: Page, text: str) -> None:
    page.locator("#composer").fill(text)
    page.locator("#composer").press("Enter")


def take_phone(bob: Page, alice: Page) -> None:
    alice.emulate_media(color_scheme="light")
    bob.locator("#composer").fill("")
    write(alice, "Yes. The list for December can go out with it.")
    expect(bob.locator(".msg").last).to_contain_text("December")
    keep(bob, "phone")


def keep(page: Page, name: str) -> None:
    """As a PNG with a palette: a fraction of the size, and no difference to the eye."""
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path)
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(COLORS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
