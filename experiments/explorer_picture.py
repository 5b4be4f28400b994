"""Take the picture of the explorer in the documentation: what it shows first, with what was expected at one token.

    python -m experiments.explorer_picture          # or make explorer-picture

Needs the browser Chromium. Writes results/explorer.png.
"""

import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from aot.base.files import replacing
from aot.show.style import HIGHEST
from experiments.explorer_load import made_space, started

PICTURE = Path("results/explorer.png")
SIZE = {"width": 1280, "height": 1480}
TOKEN = 60  # the one that is pointed at


def shot(page: Page, address: str) -> bytes:
    """The page from its top to the figures of the first text, as PNG."""
    page.goto(address)
    page.locator("#result .token").nth(TOKEN).hover()
    page.locator("#result .box").first.wait_for()
    end = page.locator("#result figure").nth(2).bounding_box()["y"]
    return page.screenshot(clip={"x": 0, "y": 0, "width": SIZE["width"], "height": min(end, SIZE["height"])})


def main() -> None:
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser_path:
        raise SystemExit("needs Chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        process, address, _ = started(made_space(Path(folder)))
        try:
            browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
            content = shot(browser.new_page(viewport=SIZE), address)
            browser.close()
        finally:
            process.terminate()
            process.wait()
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    picture.thumbnail((SIZE["width"], HIGHEST))
    with replacing(PICTURE) as partial:
        picture.quantize(256).save(partial, format="png", optimize=True)
    print(PICTURE)


if __name__ == "__main__":
    main()
