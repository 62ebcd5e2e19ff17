"""Chaos: real workers, a real Kafka and a real Neo4j, killed and stopped while a stream runs; the model must come out the same.

    python -m tests.chaos --faults 25 --seed 1

`stream` makes what is sent, `producer` sends it, `crew` keeps the workers running as a supervisor would, `points` lets a worker
stand still at a chosen moment, `faults` is the seeded schedule and what it does, `verdict` compares with a run that nothing
disturbed. The moments of the faults are the clock's, so a run can be repeated in its schedule and its stream, not in its
interleaving.
"""
