"""GraphiQL, served whole from this package: see `graphiql/README.md` beside this file."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

FOLDER = Path(__file__).with_name("graphiql")

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the page may load and speak to: this server and nothing else, so that no data can leave by it."""


def page() -> HTMLResponse:
    return HTMLResponse((FOLDER / "index.html").read_text(), headers={"content-security-policy": POLICY})


def mount_files(app: FastAPI) -> None:
    """The scripts and styles of the page, under /graphql/static."""
    app.mount("/graphql/static", StaticFiles(directory=FOLDER))
