"""What tests of the explorer's page do again and again."""

TWO_SEEDS = ["runs/tiny-seed1", "runs/tiny-seed42"]
DIGITS = "0110:0110\n\n1010:1011 0:1\n\n0011:0011"


def choose(page, *pairs: str) -> None:
    """These pairs and no others."""
    page.locator("#result .shown").wait_for()  # then they are there to choose from
    for box in page.locator("#pairs input[name=pair]").all():
        box.set_checked(box.get_attribute("value") in pairs)


def measured(page, text: str, *pairs: str) -> None:
    """The page once it shows this text by these pairs."""
    page.locator("#source").fill(text)
    choose(page, *pairs)
    page.evaluate("document.querySelector('#result .shown').dataset.before = ''")
    page.locator("#measure").click()
    page.locator("#result .shown:not([data-before])").wait_for()


def card(page, number: int = 0):
    return page.locator("#result .card").nth(number)


def written(tokens) -> str:
    """The text that spans show, with the marks for ends of lines and documents."""
    return "".join(tokens.all_inner_texts())
