"""Pictures of the coloured text that the page makes: the same as what it shows."""

import base64
import io
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from boards import units_of
from pages import DESKTOP, PHONE
from PIL import Image

ENGLISH = 'She waited   at the window,\nand <not> & "so" on.\tTabbed 👩‍👩‍👧 🇩🇪 e\u0301 \x01 中文'
ENGLISH += 12 * "很长很长"
ARABIC = "كان يا ما كان في قديم الزمان ملك عظيم يحكم بلادا واسعة، وكان له (1984) abc ثلاثة أبناء وكل واحد منهم شجاع."
HEBREW = "בראשית ברא אלהים את השמים ואת הארץ. והארץ היתה תהו 12,5 English words ובהו וחשך על פני תהום."
PICTURE = """async ({units, tallest}) => {
    const modules = ["panels/text.js", "page/selection.js", "panels/picture.js"].map((each) => import("/" + each));
    const [{colouredText, shade}, {Selection}, {pictureSvg, picturePng}] = await Promise.all(modules);
    const tokens = colouredText(units, {selection: new Selection(), number: 0, name: "x"});
    document.querySelector("main").replaceChildren(tokens);
    const scale = {nats: 2.5, ends: [shade(-1, 1), shade(1, 1)]};
    const part = {title: "∂ = +1.23 %", sentence: "Forward is easier.", tokens, name: "en-books", scale};
    const svg = await pictureSvg(part, {tallest: tallest ?? Infinity});
    const reader = new FileReader();
    reader.readAsDataURL(await picturePng(svg));
    await new Promise((done) => (reader.onload = done));
    tokens.style.maxHeight = "none";
    return [svg, reader.result.split(",")[1]];
}"""


def picture(page, units, tallest=None) -> tuple[ET.Element, Image.Image]:
    svg, png = page.evaluate(PICTURE, {"units": units, "tallest": tallest})
    return ET.fromstring(svg), Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")


def of(tree: ET.Element, tag: str) -> list[ET.Element]:
    return tree.findall(f".//{{http://www.w3.org/2000/svg}}{tag}")


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize(
    "device, scheme, back", [(DESKTOP, "light", (255, 255, 255)), (PHONE, "dark", (0x14, 0x17, 0x1A))]
)
def test_a_picture_is_the_text_as_the_page_shows_it(board, device, scheme, back):
    page = board({**device, "device_scale_factor": 2}, color_scheme=scheme)
    tree, png = picture(page, units_of([ENGLISH, ARABIC, HEBREW]))
    text = squeezed("".join(each.text for each in of(tree, "text")))
    shown = squeezed(page.locator(".tokens").text_content()).replace("\x01", "\ufffd")
    assert shown in text and text.startswith(squeezed("∂ = +1.23 %Forward is easier."))
    assert all(word in text for word in ("backwardeasier,−2.5", "+2.5nats,forwardeasier", "en-books·arrowoftime"))
    turned = squeezed("".join(each.text for each in of(tree, "text") if each.get("direction") == "rtl"))
    assert turned == squeezed(f"{ARABIC}∎{HEBREW}∎")  # whole lines, whose letters join
    assert not {each.tag.split("}")[1] for each in tree.iter()} & {"foreignObject", "image", "script", "style", "use"}
    assert not [name for each in tree.iter() for name in each.attrib if name.endswith("href")]
    assert png.size == (2 * int(tree.get("width")), 2 * int(tree.get("height"))) and png.getpixel((4, 4)) == back
    # what is on the page at the same place is the same, but for smoothing
    page.add_style_tag(content=".token { border-radius: 0 !important }")
    seen = Image.open(io.BytesIO(page.locator(".tokens").screenshot())).convert("RGB")
    first = min(float(each.get("y")) for each in of(tree, "rect")[1:])
    inside = page.evaluate("""() => {
        const top = document.querySelector(".token").getClientRects()[0].top;
        return top - document.querySelector(".tokens").getBoundingClientRect().top;
    }""")
    left, top, shown = 48, round(2 * (first - inside)), np.asarray(seen, float)
    drawn = [png.crop((left, top + by, left + seen.width, top + by + seen.height)) for by in (-1, 0, 1)]
    apart = min(np.abs(np.asarray(each, float) - shown).mean() for each in drawn)
    mirrored = np.abs(np.asarray(drawn[1], float)[:, ::-1] - shown).mean()
    assert apart < 7 < 30 < mirrored, (apart, mirrored)


def test_a_picture_of_a_long_text_is_whole_as_svg_and_says_where_a_png_ends(board):
    page = board(PHONE)
    units = units_of([18 * "It was a bright cold day in April, and the clocks were striking. "], 4)
    whole, _ = picture(page, units)
    text = "".join(each.text for each in of(whole, "text"))
    assert squeezed("".join(unit["text"] for unit in units)) in squeezed(text)
    cut, png = picture(page, units, tallest=600)
    words = [each.text for each in of(cut, "text")]
    assert int(cut.get("height")) <= 600 < int(whole.get("height")) and png.height == 2 * int(cut.get("height"))
    assert "… the text goes on" in words and "en-books · arrow of time" in words
    assert len(png.getcolors(png.width * png.height)) > 100
