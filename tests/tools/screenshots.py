"""Pictures of reports: of one for the README, or of all widths and both schemes to look at.

    python -m tests.tools.screenshots RUN/report.html docs/images/report.png
    python -m tests.tools.screenshots RUN/report.html FOLDER/

The first is the top of the page, 1200 pixels wide, light, in 160 colours; the second writes 375, 800 and 1200 pixels, light and dark, of
the whole page. Needs selenium (requirements-pages.lock), Chromium and its driver.
"""

from __future__ import annotations

import base64
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from tests.made.browser import chromium, picture, show_page

WIDTHS = (375, 800, 1200)
README_WIDTH, README_HEIGHT = 1200, 1720
COLOURS = 160
_PIXELS = """
const [encoded, done] = arguments, image = new Image();
image.onload = () => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [image.width, image.height];
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  const bytes = context.getImageData(0, 0, image.width, image.height).data;
  let text = '';
  for (let k = 0; k < bytes.length; k += 8192) text += String.fromCharCode(...bytes.subarray(k, k + 8192));
  done([image.width, image.height, btoa(text)]);
};
image.src = 'data:image/png;base64,' + encoded;
"""


def main(report: Path, target: Path) -> None:
    """Take the pictures."""
    with chromium() as driver:
        if target.suffix == ".png":
            show_page(driver, report, width=README_WIDTH)
            target.write_bytes(few_colours(driver, picture(driver, width=README_WIDTH, height=README_HEIGHT)))
            return
        target.mkdir(parents=True, exist_ok=True)
        for width in WIDTHS:
            for dark in (False, True):
                show_page(driver, report, width=width, dark=dark)
                name = f"{report.parent.name if report.stem == 'report' else report.stem}-{width}-{'dark' if dark else 'light'}.png"
                (target / name).write_bytes(picture(driver, width=width))


def few_colours(driver: Any, png: bytes) -> bytes:
    """A PNG with a palette of the most frequent colours, every other pixel in the nearest of these: half the size of what a browser writes."""
    driver.get("about:blank")
    width, height, text = driver.execute_async_script(_PIXELS, base64.b64encode(png).decode())
    pixels = np.frombuffer(base64.b64decode(text), np.uint8).reshape(height * width, 4)[:, :3]
    found, place, count = np.unique(pixels, axis=0, return_inverse=True, return_counts=True)
    palette = found[np.argsort(-count, kind="stable")[:COLOURS]]
    apart = ((found[:, None, :].astype(np.int32) - palette[None, :, :]) ** 2).sum(axis=2)
    rows = apart.argmin(axis=1)[place.ravel()].astype(np.uint8).reshape(height, width)
    filtered = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1).tobytes()
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", palette.tobytes()),
        (b"IDAT", zlib.compress(filtered, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
