"""The explorer's server: what it serves and what not, to many at once, and what it says where something is wrong."""

from pages import axe


def test_the_page_opens(page):
    page.locator("h1").first.wait_for()
    assert not axe(page)


def test_the_page_opens_on_a_phone(phone):
    phone.locator("h1").first.wait_for()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
