"""MQTT: every message on the adapters' topics, acknowledged to the broker once it is stored (quality of service 1)."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from brain.errors import BadUrl
from ingest.intake import Intake
from ingest.record import Envelope

log = logging.getLogger("brain.ingest.mqtt")

IN_FLIGHT = 1000
"""Messages the broker may have sent that we have not stored yet: what bounds our memory (MQTT 5.0, 3.1.2.11.3)."""
HELD = 20_000
"""Messages that may wait in our memory altogether: the bound above does not count those of quality of service 0."""
KEPT_SECONDS = 7 * 24 * 3600
"""For how long the broker keeps messages for us while we are away."""
GATHER_SECONDS = 0.01
AGAIN_SECONDS = 2.0


class BadAddress(BadUrl):
    """An address that is not HOST:PORT."""


def host_port(address: str, default: int) -> tuple[str, int]:
    """`host:port`, `host` or `[::1]:port` in two parts."""
    host, colon, port = address.rpartition(":") if not address.endswith("]") else (address, "", "")
    if not colon:
        return address.strip("[]"), default
    if not port.isdecimal() or not host:
        raise BadAddress(f"{address!r} is no address: write HOST:PORT, for example 127.0.0.1:{default}")
    return host.strip("[]"), int(port)


class _Braked(aiomqtt.Client):
    """Reads nothing from its socket while HELD messages wait: the broker decides whether more of them wait or are dropped."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # aiomqtt has no word of its own for this: without it paho acknowledges before we have stored anything. It is said before
        # connecting, since what a broker kept for us comes in one piece with its word that we are connected.
        self._client.manual_ack_set(True)
        self._braked = False

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        super()._on_message(client, userdata, message)
        connection = self._client.socket()
        if not self._braked and connection is not None and len(self.messages) >= HELD:
            self._braked = self._loop.remove_reader(connection.fileno())

    def read_on(self) -> None:
        """Take the brake off, once less than half of what made it close still waits."""
        connection = self._client.socket()
        if self._braked and connection is not None and len(self.messages) < HELD // 2:
            self._braked = False
            self._loop.add_reader(connection.fileno(), self._read)

    def _read(self) -> None:
        try:
            self._client.loop_read()
        except Exception as error:
            # As aiomqtt's own reader does: a broken connection ends the iteration over the messages.
            if not self._disconnected.done():
                self._disconnected.set_exception(error)


class MqttSource:
    """`identifier` names our session at the broker; two processes with one identifier would take it from each other."""

    def __init__(
        self, address: str, topics: Sequence[str], identifier: str, user: str | None = None, password: str | None = None
    ) -> None:
        self._host, self._port = host_port(address, 1883)
        self._topics = topics
        self._identifier = identifier
        self._user, self._password = user, password
        self.waiting = 0
        """Messages that had come and were not taken up yet, when this was last looked at: after each batch."""

    async def run(self, intake: Intake, ready: asyncio.Event | None = None) -> None:
        """Take messages until cancelled. A lost broker is tried again for ever; `ready` is set at the first subscription."""
        while True:
            try:
                async with self._client() as client:
                    await client.subscribe([(topic, 1) for topic in self._topics])
                    log.info("subscribed to %s at %s:%d", ", ".join(self._topics), self._host, self._port)
                    if ready is not None:
                        ready.set()
                    await self._take(client, intake)
            except aiomqtt.MqttError as error:
                log.warning("MQTT broker %s:%d: %s; trying again in %.0f s", self._host, self._port, error, AGAIN_SECONDS)
                await asyncio.sleep(AGAIN_SECONDS)

    def _client(self) -> _Braked:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = KEPT_SECONDS
        properties.ReceiveMaximum = IN_FLIGHT
        return _Braked(
            self._host,
            self._port,
            username=self._user,
            password=self._password,
            identifier=self._identifier,
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,
            properties=properties,
        )

    async def _take(self, client: _Braked, intake: Intake) -> None:
        messages = client.messages
        async for first in messages:
            await asyncio.sleep(GATHER_SECONDS)
            batch = [first, *[await anext(messages) for _ in range(min(len(messages), IN_FLIGHT - 1))]]
            await intake.take([_envelope(message) for message in batch])
            for message in batch:
                client._client.ack(message.mid, message.qos)
            self.waiting = len(messages)
            client.read_on()


def _envelope(message: aiomqtt.Message) -> Envelope:
    topic = str(message.topic)
    payload = message.payload if isinstance(message.payload, bytes) else bytes(str(message.payload), "utf-8")
    return Envelope(topic, topic, payload, time.time_ns() // 1000)
