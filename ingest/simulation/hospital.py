"""The hospital: patients, staff, beds and devices as a discrete-event simulation (simpy). Time is seconds from the start.

Nothing here says where the delay is. It comes about because two pharmacists verify in rounds, between other duties, and
more orders reach them in an hour than they can clear; treatment takes longer than any other work, but seldom waits.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, NamedTuple

import simpy

from ingest.simulation.devices import Pump, Robot
from ingest.simulation.shift import START, Work, chance
from ingest.simulation.wire import ADT, ORDERS, PHARMACY, ROBOT, SCANNERS, Event, Fields

SITE = "PHARM-1"
MINUTE = 60.0
HOUR = 3600.0
ARRIVALS = (11, 12, 11, 9, 7, 6, 4, 2)
"""Patients expected in each hour of a day shift: busy mornings, quieter after noon. Later hours are like the last."""
FORMULARY = (
    ("vancomycin", 1.0, 120.0),
    ("paracetamol", 1.0, 60.0),
    ("potassium chloride", 3.0, 90.0),
    ("ceftriaxone", 2.0, 150.0),
    ("furosemide", 0.04, 0.0),
    ("metoprolol", 0.05, 0.0),
)
"""Medication, dose in grams, rate in mL/h (0: swallowed, not infused)."""

Process = Generator[simpy.Event, Any, None]
Staff = simpy.Store


class Patient(NamedTuple):
    id: str
    visit: str
    acuity: int
    bed: str
    ward: str


@dataclass(slots=True)
class Order:
    """One medication order on its way; `verified` fires when the pharmacist lets it through."""

    id: str
    patient: Patient
    rate: float
    verified: simpy.Event


class Hospital:
    """One run: build, `run`, then read `sent` (clean events in the order they happened) and `trace` (the truth)."""

    def __init__(self, seed: int) -> None:
        self.env = simpy.Environment()
        self.random = chance(seed, "hospital")
        self.sent: list[Event] = []
        self.trace: list[Work] = []
        self.count = {"PAT": 0, "VIS": 0, "RX": 0, "ADT": 0, "SCN": 0, "PIS": 0}
        self.triage = self.store("NUR-1{}", 2)
        self.nurses = self.store("NUR-2{}", 6)
        self.physicians = self.store("PHY-{}", 3)
        self.couriers = self.store("TEC-{}", 2)
        self.scanners = self.store("SCAN-{}", 6)
        self.beds = self.store("BED-{:02d}", 44)
        self.robot = simpy.Resource(self.env)
        self.inbox = simpy.Store(self.env)
        pumps = [Pump(self.env, f"PUMP-{n:02d}", chance(seed, f"pump/{n}"), self.sent) for n in range(1, 16)]
        self.pumps = simpy.Store(self.env)
        self.pumps.items.extend(pumps)
        self.telemetry = Robot(self.env, "ROB-1", self.robot, chance(seed, "robot"), self.sent)

    def run(self, hours: float) -> None:
        for n, delay in ((1, 3 * MINUTE), (2, 17 * MINUTE)):
            self.env.process(self.pharmacist(f"PHA-{n}", delay))
        self.env.process(self.arrivals())
        self.env.run(until=hours * HOUR)

    def store(self, name: str, number: int) -> simpy.Store:
        """A pool of people or things, taken in turn."""
        pool = simpy.Store(self.env)
        pool.items.extend(name.format(n) for n in range(1, number + 1))
        return pool

    @property
    def now(self) -> int:
        """µs since the epoch, in whole milliseconds: no sender here writes finer."""
        return START + round(self.env.now * 1000) * 1000

    def next(self, prefix: str) -> str:
        self.count[prefix] += 1
        return f"{prefix}-{self.count[prefix]:04d}"

    def wait(self, low: float, mode: float, high: float) -> simpy.Timeout:
        """A triangular time in minutes."""
        return self.env.timeout(self.random.triangular(low, high, mode) * MINUTE)

    # Patients ---------------------------------------------------------------------------------------------------------

    def arrivals(self) -> Process:
        """Five wait at the door when the shift begins; the rest come by chance (Poisson, at each hour's rate)."""
        for _ in range(5):
            self.env.process(self.stay())
        while True:
            rate = ARRIVALS[min(int(self.env.now // HOUR), len(ARRIVALS) - 1)]
            yield self.env.timeout(self.random.expovariate(rate / HOUR))
            self.env.process(self.stay())

    def stay(self) -> Process:
        """Admit, triage, a bed, assess, prescribe; then every order to its end; then discharge."""
        patient = Patient(self.next("PAT"), self.next("VIS"), self.random.choices((2, 3, 4, 5), (1, 4, 4, 1))[0], "", "")
        self.adt("A01", "Admit", patient, None, "CLK-1", "clerk")
        nurse = yield self.triage.get()
        began = self.now
        yield self.wait(3, 5, 9)
        self.adt("A08", "Triage", patient, began, nurse, "nurse")
        self.triage.put(nurse)
        bed = yield self.beds.get()
        patient = patient._replace(bed=bed, ward="WARD-A" if bed < "BED-23" else "WARD-B")
        yield self.wait(2, 4, 8)
        self.adt("A02", "Transfer", patient, None, nurse, "nurse")
        physician = yield self.physicians.get()
        began = self.now
        yield self.wait(7, 11, 20)
        self.adt("A08", "Assess", patient, began, physician, "physician")
        orders = [self.prescribe(patient, physician) for _ in range(self.random.choices((1, 2), (1, 1))[0])]
        self.physicians.put(physician)
        yield simpy.AllOf(self.env, [self.env.process(self.fulfil(order)) for order in orders])
        nurse = yield self.nurses.get()
        began = self.now
        yield self.wait(5, 8, 15)
        self.adt("A03", "Discharge", patient, began, nurse, "nurse")
        self.nurses.put(nurse)
        self.beds.put(bed)

    def adt(self, trigger: str, activity: str, patient: Patient, began: int | None, staff: str, role: str) -> None:
        fields: Fields = {"trigger": trigger, "activity": activity, "started": began, "completed": self.now}
        who: Fields = {
            "patient": patient.id,
            "visit": patient.visit,
            "acuity": None if activity == "Admit" else patient.acuity,
            "staff": staff,
            "role": role,
        }
        place: Fields = {"bed": patient.bed, "ward": patient.ward}
        self.sent.append(Event(ADT, self.next("ADT"), patient.id, self.now, fields | who | place))
        self.trace.append(Work("", patient.id, activity, began, self.now, staff))

    # Orders -----------------------------------------------------------------------------------------------------------

    def prescribe(self, patient: Patient, physician: str) -> Order:
        medication, dose, rate = self.random.choice(FORMULARY)
        order = Order(self.next("RX"), patient, rate, self.env.event())
        fields: Fields = {"time": self.now, "order": order.id, "patient": patient.id, "physician": physician}
        drug: Fields = {"medication": medication, "dose_g": dose, "route": "intravenous" if rate else "oral"}
        self.sent.append(Event(ORDERS, f"{order.id}/prescribed", order.id, self.now, fields | drug))
        self.record(order, "Prescribe", None, physician)
        return order

    def record(self, order: Order, activity: str, began: int | None, by: str) -> None:
        self.trace.append(Work(order.id, order.patient.id, activity, began, self.now, by))

    def fulfil(self, order: Order) -> Process:
        """The pharmacy's part, then the bedside's."""
        yield self.wait(0.5, 1, 3)
        self.pharmacy(order, "Receive", None, None)
        self.inbox.put(order)
        pharmacist = yield order.verified
        with self.robot.request() as turn:
            yield turn
            began = self.now
            yield self.wait(1, 1.5, 3)
            self.pick(order, began)
            self.pharmacy(order, "Dispense", began, pharmacist)
        courier = yield self.couriers.get()
        yield self.wait(1, 2, 5)  # back from the last round
        began = self.now
        yield self.wait(3, 5, 9)
        self.pharmacy(order, "Deliver", began, courier)
        self.couriers.put(courier)
        yield self.env.process(self.treat(order))

    def pharmacist(self, name: str, delay: float) -> Process:
        """Verify what lies in the inbox, at most six orders a round, then turn to other duties for a while."""
        yield self.env.timeout(delay)
        while True:
            batch = [(yield self.inbox.get())]
            while self.inbox.items and len(batch) < 6:
                batch.append((yield self.inbox.get()))
            for order in batch:
                began = self.now
                yield self.wait(3, 5, 11)
                self.pharmacy(order, "Verify", began, name)
                order.verified.succeed(name)
            yield self.wait(12, 20, 32)

    def pharmacy(self, order: Order, activity: str, began: int | None, by: str | None) -> None:
        fields: Fields = {"order": order.id, "step": activity, "started": began, "completed": self.now, "staff": by, "site": SITE}
        self.sent.append(Event(PHARMACY, self.next("PIS"), order.id, self.now, fields))
        self.record(order, activity, began, by or "")

    def pick(self, order: Order, began: int) -> None:
        fields: Fields = {"ev": "pick", "r": "ROB-1", "t": self.now, "rx": order.id, "t0": began, "t1": self.now, "site": SITE}
        self.sent.append(Event(ROBOT, f"{order.id}/pick", order.id, self.now, fields))

    def treat(self, order: Order) -> Process:
        """Bedside scan, then the treatment itself: long, watched by a pump where the drug is infused."""
        pump: Pump | None = (yield self.pumps.get()) if order.rate else None
        nurse = yield self.nurses.get()
        yield self.wait(1, 3, 9)  # what is at hand comes first
        began = self.now
        yield self.wait(2, 3, 6)
        yield from self.scan(order, "Administer", began, nurse, pump)
        self.nurses.put(nurse)
        began = self.now
        if pump:
            pump.start(order.rate)
        yield self.wait(50, 65, 100) if pump else self.wait(30, 40, 60)
        if pump:
            pump.stop()
            self.pumps.put(pump)
        nurse = yield self.nurses.get()
        yield from self.scan(order, "Treat", began, nurse, pump)
        self.nurses.put(nurse)

    def scan(self, order: Order, activity: str, began: int, nurse: str, pump: Pump | None) -> Process:
        scanner = yield self.scanners.get()
        patient = order.patient
        fields: Fields = {"activity": activity, "started": began, "completed": self.now, "order": order.id}
        place: Fields = {"patient": patient.id, "bed": patient.bed, "ward": patient.ward, "nurse": nurse}
        pumped = pump.id if pump else None
        device: Fields = {"pump": pumped, "scanner": scanner, "battery": round(100 - self.env.now / HOUR * 4)}
        self.sent.append(Event(SCANNERS, self.next("SCN"), order.id, self.now, fields | place | device))
        self.record(order, activity, began, nurse)
        yield self.env.timeout(2)
        self.scanners.put(scanner)
