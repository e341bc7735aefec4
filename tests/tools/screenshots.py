"""Pictures of reports: of one for the README, or of all widths and both schemes to look at.

    python -m tests.tools.screenshots RUN/report.html docs/images/report.png
    python -m tests.tools.screenshots RUN/report.html FOLDER/

The first is the top of the page, 1200 pixels wide, light, in few colours; the second writes 375, 800 and 1200 pixels, light and dark, of
the whole page.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.made.browser import chromium, picture, show_page

WIDTHS = (375, 800, 1200)
README_WIDTH, README_HEIGHT = 1200, 1000


def main(report: Path, target: Path) -> None:
    """Take the pictures."""
    with chromium() as driver:
        if target.suffix == ".png":
            show_page(driver, report, width=README_WIDTH)
            target.write_bytes(picture(driver, width=README_WIDTH, height=README_HEIGHT))
            return
        target.mkdir(parents=True, exist_ok=True)
        for width in WIDTHS:
            for dark in (False, True):
                show_page(driver, report, width=width, dark=dark)
                name = f"{report.parent.name if report.stem == 'report' else report.stem}-{width}-{'dark' if dark else 'light'}.png"
                (target / name).write_bytes(picture(driver, width=width))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
