"""Take the picture of the explorer in the documentation: two pairs of the demo on a text.

    python -m experiments.explorer_picture          # or make explorer-picture, after make demo

Needs the browser Chromium. Writes results/explorer.png.
"""

import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from aot.base.files import replacing
from aot.show.style import HIGHEST
from space.app import EXAMPLES, build, known_pairs, launch

PICTURE = Path("results/explorer.png")


def main() -> None:
    pairs = [name for name in known_pairs([]) if "demo-text" in name][:2]
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    if len(pairs) < 2 or not browser_path:
        raise SystemExit("needs two pairs of the demo, see `make demo`, and Chromium, see `apt-get install chromium`")
    app = build(pairs, pairs)
    _, address, _ = launch(app, prevent_thread_lock=True, quiet=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 2000})
        page.goto(address)
        page.locator("#text textarea").fill(EXAMPLES[0])
        page.locator("#measure").click()
        page.locator("#measured .token").nth(5).hover()
        page.wait_for_timeout(1000)  # until the page has stopped moving
        bars = page.locator("#measured h4", has_text="Both losses").first.bounding_box()
        shot = page.screenshot(clip={"x": 0, "y": 0, "width": 1280, "height": bars["y"] - 20})
        browser.close()
    app.close()
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    picture.thumbnail((1280, HIGHEST))
    with replacing(PICTURE) as partial:
        picture.quantize(256).save(partial, format="png", optimize=True)
    print(PICTURE)


if __name__ == "__main__":
    main()
