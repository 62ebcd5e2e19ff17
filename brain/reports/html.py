"""A page as one file: no script, no network, and all that comes from data escaped."""

import base64
import hashlib
import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from brain import words
from brain.legible import legible
from brain.reports.attributed import excess_in_words
from brain.reports.charts import filled
from brain.reports.circumstance import circumstance

FIGURE = re.compile(r"(\d) (d|h|min|s|%)(?!\w)")


def render(template: str, **content: Any) -> str:
    """The template filled in. Data can neither become markup nor reverse the order of reading (`legible`)."""
    style, policy = _style()
    return _environment().get_template(template).render(style=style, policy=policy, **content)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("brain.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    for word in (words.amount, words.change, words.duration, words.interval, words.rate, words.share, words.things):
        environment.filters[word.__name__] = _kept_together(word)
    environment.filters["circumstance"] = _kept_together(circumstance)
    environment.filters["excess"] = _kept_together(excess_in_words)
    environment.filters["moment"] = words.moment
    environment.filters["capitalised"] = words.capitalised
    environment.filters["unbroken"] = unbroken
    environment.filters["filled"] = filled
    return environment


def unbroken(text: str) -> str:
    """The text with every figure kept on one line with its unit."""
    return FIGURE.sub("\\1\u00a0\\2", text)


def _kept_together(word: Callable[..., str]) -> Callable[..., str]:
    return lambda *figures: unbroken(word(*figures))


def _shown(value: Any) -> Any:
    return legible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _style() -> tuple[Markup, Markup]:
    """The style sheet, and the policy that allows it alone, by its digest (Content Security Policy Level 3, section 2.3.1)."""
    style = (files("brain.reports") / "templates" / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    # Both are ours; escaped, the digest would not fit.
    return Markup(style), Markup(policy)  # noqa: S704
