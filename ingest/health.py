"""`/livez` and `/readyz` over HTTP, for whoever watches the process. What they say is `ingest.liveness`'s."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from ingest.liveness import Heard


@asynccontextmanager
async def serving(liveness: Heard, host: str, port: int) -> AsyncIterator[str]:
    """Look and answer while the block runs; its value is the address, `http://HOST:PORT`. OSError where it cannot listen there.

    200 or 503 with a JSON object: `status`, `state`, and where there is one `reason` and `since`; `sources` with what each has
    stored since the start and what waits there.
    """
    looking = asyncio.create_task(liveness.run())

    def said(name: str) -> web.Response:
        if looking.done():
            looking.result()  # who no longer looks must not go on saying that all is well: a 500
        report = liveness.report()
        good = report.live if name == "live" else report.ready
        return web.json_response(report.told(name, good), status=200 if good else 503)

    async def livez(_: web.Request) -> web.Response:
        return said("live")

    async def readyz(_: web.Request) -> web.Response:
        return said("ready")

    app = web.Application()
    app.add_routes([web.get("/livez", livez), web.get("/readyz", readyz)])
    runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=1.0)
    try:
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        bound, number = runner.addresses[0][:2]
        yield f"http://[{bound}]:{number}" if ":" in bound else f"http://{bound}:{number}"
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await runner.cleanup()
