"""Session fixtures: one real server of each kind for the whole test run, started when a test first asks for it.

A test that needs a server fails when the server cannot start; it never skips. Isolation between tests is the tests'
affair: they wipe what they wrote, or use topics of their own. Nothing heavy is imported until it is needed.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.tryton import Plant

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"
JARS_FOR = {"neo4j_url": "neo4j", "kafka_address": "kafka"}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fetch what the chosen tests need before the first runs: with progress to be seen, and no test's time limit."""
    if session.config.option.collectonly:
        return
    wanted = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    with _shown(session.config):
        for lock in sorted(JARS_FOR[name] for name in wanted & JARS_FOR.keys()):
            from brain.servers.jars import FetchFailed, fetch, read_lock

            try:
                fetch(read_lock(lock))
            except FetchFailed as why:
                # The tests that need it fail with the same words; the others can run.
                print(f"{lock}: {why}", file=sys.stderr, flush=True)
        if "mqtt_address" in wanted:
            from brain.servers import install_mosquitto

            install_mosquitto()
        if "browser" in wanted:
            from tests.browser import install_chromium

            install_chromium()


@pytest.fixture(scope="session")
def neo4j_url(pytestconfig: pytest.Config) -> Iterator[str]:
    """`neo4j://user:password@127.0.0.1:PORT/neo4j` of one real Neo4j for the session."""
    from brain.servers import neo4j_server

    with _shown(pytestconfig):
        server = neo4j_server().start()
    yield server.url
    server.close()


@pytest.fixture(scope="session")
def kafka_address(pytestconfig: pytest.Config) -> Iterator[str]:
    """`127.0.0.1:PORT` of one real Kafka broker for the session; topics must be created before use."""
    from brain.servers import kafka_server

    with _shown(pytestconfig):
        server = kafka_server().start()
    yield server.address
    server.close()


@pytest.fixture(scope="session")
def mqtt_address(pytestconfig: pytest.Config) -> Iterator[str]:
    """`127.0.0.1:PORT` of one real MQTT broker for the session: mosquitto, else amqtt (which says so on stderr)."""
    from brain.servers import mqtt_broker

    with _shown(pytestconfig):
        server = mqtt_broker().start()
    yield server.address
    server.close()


@pytest.fixture(scope="session")
def tryton_plant() -> "Iterator[Plant]":
    """One real Tryton (an ERP) for the session, furnished with a small pump plant; tests may add to it."""
    from tests.tryton import Tryton, furnish

    with Tryton() as server:
        plant = furnish(server)
        yield plant
        plant.rpc.close()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of published logs, vocabularies, standards and oracles that lies beside the checkout."""
    if not SHARED_DATA.is_dir():
        reason = f"the shared test data is missing: {SHARED_DATA}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return SHARED_DATA


def _shown(config: pytest.Config) -> AbstractContextManager[None]:
    """What is printed inside reaches the terminal, though pytest keeps what tests print to itself."""
    capture = config.pluginmanager.getplugin("capturemanager")
    shown: AbstractContextManager[None] = capture.global_and_fixture_disabled() if capture else nullcontext()
    return shown
