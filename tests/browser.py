"""A real browser on a page: what a reader's eye would object to, measured from the boxes that were laid out."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from brain.servers.apt import install


def find_chromium() -> Path | None:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    return Path(found) if found else None


def install_chromium() -> Path | None:
    """Debian's chromium, installed if need be and if that can be done."""
    return install("chromium", find_chromium)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser. Without one the test fails in CI, and is skipped elsewhere."""
    program = install_chromium()
    if program is None:
        reason = "no chromium on this machine: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


MEASURE = r"""
() => {
  const rgb = (text) => (text.match(/[\d.]+/g) || []).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    if (element.ownerSVGElement) {
      const box = element.parentElement.querySelector('rect.box, rect.label');
      if (box) return rgb(getComputedStyle(box).fill);
    }
    for (let e = element; e; e = e.parentElement) {
      const found = rgb(getComputedStyle(e).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  // What is there for readers of the page that do not see it.
  const unseen = (e) => e && (getComputedStyle(e).clipPath === 'inset(50%)' || unseen(e.parentElement));
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || ['TITLE', 'DESC', 'STYLE'].includes(element.tagName.toUpperCase())) continue;
    if (unseen(element)) continue;
    if (!element.checkVisibility()) continue;  // in what is still folded
    const style = getComputedStyle(element);
    const colour = rgb(element.ownerSVGElement ? style.fill : style.color), paper = behind(element);
    const [dark, light] = [luminance(colour), luminance(paper)].sort((a, b) => a - b);
    const scroll = [...document.querySelectorAll('.scroll')].indexOf(element.closest('.scroll')), range = document.createRange();
    range.selectNodeContents(node);
    for (const r of range.getClientRects()) {
      if (r.width < 1 || r.height < 1) continue;
      const frame = element.ownerSVGElement && element.parentElement.querySelector('rect.box');
      const within = frame ? frame.getBoundingClientRect() : null;
      texts.push({
        text: node.textContent.trim().slice(0, 60), scroll,
        x: r.x, y: r.y, right: r.right, bottom: r.bottom, size: parseFloat(style.fontSize),
        contrast: (light + 0.05) / (dark + 0.05), inFrame: !within || (r.x >= within.x - 1 && r.right <= within.right + 1),
      });
    }
  }
  return {texts, wide: document.documentElement.scrollWidth, viewport: document.documentElement.clientWidth,
          requests: performance.getEntriesByType('resource').length};
}
"""


def faults(page: Page) -> list[str]:
    """What is illegible on the page as it is now; empty where all is well."""
    found: dict[str, Any] = page.evaluate(MEASURE)
    texts = found["texts"]
    assert len(texts) > 20, "there is next to nothing on the page"
    said = [f"the page is {found['wide']} px wide in {found['viewport']}"] if found["wide"] > found["viewport"] else []
    said += [f"{found['requests']} requests"] if found["requests"] else []
    for text in texts:
        if text["scroll"] < 0 and not (text["x"] >= -1 and text["right"] <= found["viewport"] + 1):
            said.append(f"{text['text']!r} reaches from {text['x']:.0f} to {text['right']:.0f}")
        if text["size"] < 11:
            said.append(f"{text['text']!r} is {text['size']} px high")
        if text["contrast"] < 4.5:
            said.append(f"{text['text']!r} has a contrast of {text['contrast']:.1f}")
        if not text["inFrame"]:
            said.append(f"{text['text']!r} sticks out of its box")
    return said + overlaps(texts)


def overlaps(texts: list[dict[str, Any]]) -> list[str]:
    """Texts that lie over one another by more than a pixel, among those of one scrolled box or of the page."""
    said = []
    rows = sorted(texts, key=lambda t: t["y"])
    for i, a in enumerate(rows):
        for b in rows[i + 1 :]:
            if b["y"] > a["bottom"] - 1.5:
                break
            if a["scroll"] == b["scroll"] and min(a["right"], b["right"]) - max(a["x"], b["x"]) > 1.5:
                said.append(f"{a['text']!r} lies over {b['text']!r}")
    return said


def only_text(browser: Browser, path: Path) -> Page:
    """The page of a file, open: nothing of what it tells may be anything but text, and nothing else may be asked for."""
    page = browser.new_page()
    asked: list[str] = []
    told: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: told.append(dialog.message))
    page.on("console", lambda message: told.append(message.text))
    page.goto(path.as_uri())
    assert asked == [path.as_uri()]
    assert told == []  # a script or a style that the policy stops would be told here
    assert page.locator("script, img, iframe, link, object, style ~ style").count() == 0
    assert page.evaluate("document.querySelectorAll('[onclick], [onerror], [onload], [style]').length") == 0
    return page
