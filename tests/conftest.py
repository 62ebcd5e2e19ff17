"""Session fixtures: one real server of each kind for the whole test run, started when a test first asks for it.

A test that needs a server fails when the server cannot start; it never skips. Isolation between tests is the tests'
affair: they wipe what they wrote, or use topics of their own.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def neo4j_url() -> Iterator[str]:
    """`neo4j://user:password@127.0.0.1:PORT/neo4j` of one real Neo4j for the session."""
    from brain.servers import neo4j_server

    with neo4j_server() as server:
        yield server.url


@pytest.fixture(scope="session")
def kafka_address() -> Iterator[str]:
    """`127.0.0.1:PORT` of one real Kafka broker for the session; topics must be created before use."""
    from brain.servers import kafka_server

    with kafka_server() as server:
        yield server.address


@pytest.fixture(scope="session")
def mqtt_address() -> Iterator[str]:
    """`127.0.0.1:PORT` of one real MQTT broker for the session: mosquitto, else amqtt (which says so on stderr)."""
    from brain.servers import install_mosquitto, mqtt_broker

    install_mosquitto()
    with mqtt_broker() as server:
        yield server.address


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of published logs, vocabularies, standards and oracles that lies beside the checkout."""
    if SHARED_DATA.is_dir():
        return SHARED_DATA
    reason = f"the shared test data is missing: {SHARED_DATA}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
