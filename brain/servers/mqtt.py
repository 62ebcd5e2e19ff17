"""A local MQTT broker: Eclipse mosquitto where it is, else amqtt, a broker written in Python, which says so."""

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from brain.servers.apt import install
from brain.servers.process import HOST, Server, listening, need

# Debian keeps it in /usr/sbin, which is not on every user's PATH; Homebrew likewise.
FURTHER_PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/usr/local/opt/mosquitto/sbin")


def find_mosquitto() -> Path | None:
    """Where mosquitto is installed, or None."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *FURTHER_PLACES])
    found = shutil.which("mosquitto", path=path)
    return Path(found) if found else None


def install_mosquitto(out: TextIO | None = None) -> Path | None:
    """Where mosquitto is, after installing it if it is missing and that can be done (`apt.install`). Never raises: without it
    `MqttBroker` falls back to amqtt."""
    return install("mosquitto", find_mosquitto, out)


READY = re.compile(r"mosquitto version \S+ running|Listener 'default' bind to")


@dataclass
class MqttBroker(Server):
    """One broker without authentication on the loopback address; `url` is `mqtt://127.0.0.1:PORT`."""

    name = "mqtt"
    start_seconds = 30.0
    stop_seconds = 10.0

    @property
    def url(self) -> str:
        return f"mqtt://{self.address}"

    @property
    def software(self) -> str:
        """`mosquitto` or `amqtt`: which one a start would run now."""
        return "mosquitto" if find_mosquitto() else "amqtt"

    def prepare(self) -> list[str]:
        if mosquitto := find_mosquitto():
            return [str(mosquitto), "-c", str(self._mosquitto_settings())]
        print("mqtt: no mosquitto on this machine; using amqtt, a broker in Python", file=sys.stderr, flush=True)
        need("amqtt")
        return [sys.executable, "-m", "amqtt.scripts.broker_script", "-c", str(self._amqtt_settings())]

    def is_ready(self, log: str) -> bool:
        # Its own word as well as an open port, which may be another's: then ours is about to end with "address already in use".
        return READY.search(log) is not None and listening(self.listens_on)

    def _mosquitto_settings(self) -> Path:
        lines = [
            f"listener {self.listens_on} {HOST}",
            "allow_anonymous true",
            "log_dest stderr",
            "persistence true",
            f"persistence_location {self.data}/",
            # The default drops what a slow subscriber has not taken after 1,000 messages; nothing may be lost here.
            "max_queued_messages 0",
        ]
        if os.geteuid() == 0:
            # It would become the user `mosquitto`, who cannot write to our folder.
            lines.append("user root")
        file = self.data / "mosquitto.conf"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return file

    def _amqtt_settings(self) -> Path:
        file = self.data / "amqtt.yaml"
        file.write_text(
            f"listeners:\n  default:\n    type: tcp\n    bind: {HOST}:{self.listens_on}\n"
            "plugins:\n  amqtt.plugins.authentication.AnonymousAuthPlugin:\n    allow_anonymous: true\n",
            encoding="utf-8",
        )
        return file
