"""The report's page as a real browser lays it out: legible, within the viewport, nothing over anything else; and it cannot be
made to run or to fetch anything by the names in a log."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import chromium, faults, only_text
from tests.reports import PAGES, page_of

WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def opened(browser: Browser, path: Path, width: int, scheme: str = "light") -> Page:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(path.as_uri())
    return page


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_all_is_legible_and_in_its_place(browser: Browser, tmp_path: Path, name: str, scheme: str, width: int) -> None:
    path = tmp_path / "report.html"
    path.write_text(page_of(name), encoding="utf-8")
    page = opened(browser, path, width, scheme)
    assert faults(page) == []
    while page.locator("details:not([open])").count():
        page.locator("details:not([open]) > summary").first.click()
    assert faults(page) == []
    page.close()


def test_names_from_a_log_are_text_and_nothing_more(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(page_of("hostile"), encoding="utf-8")
    page = only_text(browser, path)
    assert page.evaluate("getComputedStyle(document.body).marginTop") == "0px"  # the one style sheet is let through
    page.close()


def test_what_is_wrong_with_a_page_is_found(browser: Browser, tmp_path: Path) -> None:
    lines = "".join(f"<p>line {i}</p>" for i in range(20))
    path = tmp_path / "bad.html"
    path.write_text(
        f"<meta name=viewport content='width=device-width'><body style='margin:0'>{lines}"
        "<p style='position:absolute;top:17px'>over it</p><p style='font-size:9px'>tiny</p><p style='color:#aaa'>pale</p>"
        "<div style='width:600px;white-space:nowrap;text-align:right'>far out</div>",
        encoding="utf-8",
    )
    page = opened(browser, path, 390)
    found = faults(page)
    for fault in ("lies over", "'tiny' is 9 px high", "'pale' has a contrast of 2.3", "'far out' reaches from", "px wide in 390"):
        assert any(fault in said for said in found), (fault, found)
    page.close()
