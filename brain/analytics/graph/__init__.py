"""The graph of dependencies in memory: what it is (`snapshot`), how it is read and kept (`reading`, `live`), what it tells."""
