"""Simulated plants with one bottleneck of a known cause: what the analytics are judged by. All of it is invented."""

from tests.plants.design import Cause, Plant, plant
from tests.plants.floor import Floor, Halt, State, run

__all__ = ["Cause", "Floor", "Halt", "Plant", "State", "plant", "run"]
