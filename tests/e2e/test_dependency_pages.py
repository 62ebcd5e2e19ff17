"""The pages of dependencies and impacts as a real browser lays them out: legible, in their place, whatever the names are."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium, faults, only_text
from tests.dependency_graphs import PAGES
from tests.e2e.test_report_page import WIDTHS, opened

SHAPES = """
() => {
  const box = (e) => { const r = e.getBoundingClientRect(); return [r.x, r.y, r.right, r.bottom]; };
  const over = ([a, b, c, d], [e, f, g, h]) => Math.min(c, g) - Math.max(a, e) > 1 && Math.min(d, h) - Math.max(b, f) > 1;
  const faults = [];
  for (const svg of document.querySelectorAll('.scroll > svg')) {
    const boxes = [...svg.querySelectorAll('rect.box, rect.label')].map((e) => [e.parentElement.textContent.trim(), box(e)]);
    for (const [i, [name, a]] of boxes.entries()) {
      for (const [other, b] of boxes.slice(i + 1)) if (over(a, b)) faults.push(`${name} lies over ${other}`);
    }
    const [left, top, right, bottom] = box(svg);
    for (const e of svg.querySelectorAll('rect, path, polygon, text')) {
      const [a, b, c, d] = box(e);
      if (a < left - 1 || b < top - 1 || c > right + 1 || d > bottom + 1) faults.push(`${e.outerHTML} is cut off`);
    }
  }
  return faults;
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_all_is_legible_and_in_its_place(browser: Browser, tmp_path: Path, name: str, width: int) -> None:
    path = tmp_path / "page.html"
    path.write_text(PAGES[name](), encoding="utf-8")
    page = opened(browser, path, width)
    assert faults(page) == []
    assert page.evaluate(SHAPES) == []
    page.emulate_media(color_scheme="dark")
    assert faults(page) == []
    page.close()


def test_names_are_text_and_nothing_more(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text(PAGES["hostile"](), encoding="utf-8")
    page = only_text(browser, path)
    page.close()


def test_what_was_drawn_over_something_or_cut_is_found(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "bad.html"
    path.write_text(
        "<div class='scroll'><svg width='100' height='50'><g><rect class='box' width='60' height='20'/><text y='15'>a</text></g>"
        "<g><rect class='box' x='50' y='10' width='80' height='20'/><text x='60' y='25'>b</text></g></svg></div>",
        encoding="utf-8",
    )
    page = opened(browser, path, 390)
    found = page.evaluate(SHAPES)
    assert found[0] == "a lies over b"
    assert any("is cut off" in fault for fault in found)
    page.close()
