"""Feeds: change notices from the process that commits to the processes that watch."""

from brain.feeds.memory import MemoryFeed
from brain.ports import Feed
from brain.settings import Settings
from brain.stores import sqlite_path


def open_feed(settings: Settings) -> Feed:
    """Kafka where the settings name a broker; else the SQLite file itself, which both processes have open; else memory,
    which reaches this process alone."""
    if settings.kafka:
        from brain.feeds.kafka import KafkaFeed

        return KafkaFeed(settings.kafka)
    if settings.store.startswith("sqlite:") and (path := sqlite_path(settings.store)):
        from brain.feeds.sqlite import SqliteFeed

        return SqliteFeed(path)
    return MemoryFeed()
