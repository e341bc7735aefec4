"""A headless Chromium for tests and for pictures of reports: Debian's, driven by its own driver, with nothing fetched from anywhere."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM, DRIVER = ("chromium", "chromium-browser", "google-chrome"), "chromedriver"
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb",
)  # fmt: skip


def why_not() -> str:
    """Why no browser can be driven here; nothing where one can."""
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "selenium is not installed (requirements-pages.lock)"
    if not any(map(shutil.which, CHROMIUM)):
        return "there is no Chromium (Debian: chromium)"
    return "" if shutil.which(DRIVER) else "there is no chromedriver (Debian: chromium-driver)"


@contextmanager
def chromium() -> Iterator[Any]:
    """A driver of a fresh Chromium that keeps what a page writes to its console."""
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = next(found for name in CHROMIUM if (found := shutil.which(name)))
    for flag in _FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which(DRIVER)))
    try:
        yield driver
    finally:
        driver.quit()


def show_page(driver: Any, page: Path, *, width: int, height: int = 900, dark: bool = False) -> None:
    """Open a file at a width in CSS pixels, in the light or the dark scheme."""
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
    driver.get(page.resolve().as_uri())


def picture(driver: Any, *, width: int, height: int | None = None) -> bytes:
    """A PNG of the page from its top: so many pixels of it, or all."""
    whole = int(driver.execute_script("return document.documentElement.scrollHeight"))
    clip = {"x": 0, "y": 0, "width": width, "height": height or whole, "scale": 1}
    found = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": True, "clip": clip})
    return base64.b64decode(found["data"])
