"""The kernel: one convergent model of assets, people and processes. It imports neither rim (`api`, `ingest`) nor `ontology`."""
