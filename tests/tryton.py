"""A real Tryton ERP for tests: trytond with its production modules on SQLite, and a small pump plant set up over its own RPC.

Tryton (GPL-3) runs as a process of its own, which tests talk to over HTTP; nothing here imports it. Fetched from PyPI with
the test dependencies.
"""

import base64
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import httpx

from brain.servers.process import Server, ServerFailed, listening

DATABASE = "vale"
USER = "admin"
PASSWORD = "a-long-word-for-tests-only"
MODULE = "production_work"
"""It needs production, production_routing, stock, product, party, company, … which are activated with it."""
PARTS = {"HOUSING-CAST-40": "Housing casting 40", "IMPELLER-40": "Impeller 40", "SEAL-KIT-40": "Seal kit 40"}
"""What goes into one pump CP-40: one of each."""


@dataclass
class Tryton(Server):
    """trytond on the loopback address with one database, `vale`, whose administrator is `admin`."""

    name = "tryton"
    start_seconds = 60.0

    def prepare(self) -> list[str]:
        config = self.data / "trytond.conf"
        config.write_text(f"[database]\nuri = sqlite://\npath = {self.data}\n[web]\nlisten = {self.address}\n")
        if not (self.data / f"{DATABASE}.sqlite").exists():
            self._create(config)
        # With -d the database is loaded before the port opens; without it, a first login fails (8.2: KeyError 'res.user').
        return [program("trytond"), "-c", str(config), "-d", DATABASE]

    def is_ready(self, log: str) -> bool:
        return listening(self.listens_on)

    def stop(self) -> None:
        # It has no orderly end that takes time; SQLite survives a kill.
        self.kill()

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def _create(self, config: Path) -> None:
        secret = self.data / "password"
        secret.write_text(PASSWORD)
        (self.data / f"{DATABASE}.sqlite").touch()
        command = [program("trytond-admin"), "-c", str(config), "-d", DATABASE, "--all", "-u", MODULE, "--activate-dependencies"]
        environment = {**os.environ, "TRYTONPASSFILE": str(secret)}
        made = subprocess.run([*command, "--email", "a@b.c"], env=environment, capture_output=True, text=True, check=False)
        if made.returncode:
            raise ServerFailed(f"Tryton's database cannot be made: {made.stderr[-2000:]}")


def program(name: str) -> str:
    """A command that came with this Python's packages."""
    found = Path(sys.executable).with_name(name)
    if not found.exists():
        raise ServerFailed(f"{name} is missing beside {sys.executable}: install the test dependencies (`make setup`)")
    return str(found)


class Rpc:
    """Tryton's JSON-RPC, for setting things up: `rpc("production", "create", [{…}])` → the result."""

    def __init__(self, url: str, database: str = DATABASE, user: str = USER, password: str = PASSWORD) -> None:
        self._client = httpx.Client(base_url=f"{url}/{database}/", timeout=60)
        uid, token, _ = self._call("common.db.login", user, {"password": password})
        session = base64.b64encode(f"{user}:{uid}:{token}".encode()).decode()
        self._client.headers["Authorization"] = f"Session {session}"
        self.context: dict[str, Any] = {}

    def __call__(self, model: str, method: str, *arguments: Any) -> Any:
        return self._call(f"model.{model}.{method}", *arguments, self.context)

    def create(self, model: str, **values: Any) -> int:
        made: list[int] = self(model, "create", [values])
        return made[0]

    def one(self, model: str, *domain: Any) -> int:
        """The id of the one record that matches."""
        (found,) = self(model, "search", list(domain), 0, None, None)
        return int(found)

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, method: str, *params: Any) -> Any:
        answer = self._client.post("rpc/", json={"id": 1, "method": method, "params": params})
        answer.raise_for_status()
        told = answer.json()
        if "error" in told:
            raise AssertionError(f"{method}{params[:-1]}: {told['error']}")
        return told["result"]


def date(text: str) -> dict[str, Any]:
    """A date as Tryton's JSON writes it."""
    year, month, day = (int(part) for part in text.split("-"))
    return {"__class__": "date", "year": year, "month": month, "day": day}


def decimal(text: str) -> dict[str, str]:
    return {"__class__": "Decimal", "decimal": text}


@dataclass
class Plant:
    """The pump plant in the ERP, by the names that people use: ids of Tryton's records."""

    server: Tryton
    rpc: Rpc
    unit: int = 0
    bom: int = 0
    routing: int = 0
    employees: dict[str, int] = field(default_factory=dict)
    centers: dict[str, int] = field(default_factory=dict)
    products: dict[str, int] = field(default_factory=dict)
    orders: dict[str, int] = field(default_factory=dict)
    locations: tuple[int, int] = (0, 0)

    def order(self, quantity: float, start: str, end: str, reference: str = "") -> str:
        """A new production order, planned and released to the shop floor; its number, e.g. PO-2026-0017."""
        made = self.rpc.create(
            "production",
            product=self.products["CP-40"],
            bom=self.bom,
            routing=self.routing,
            work_center=self.centers["VALE"],
            quantity=quantity,
            unit=self.unit,
            planned_start_date=date(start),
            planned_date=date(end),
            reference=reference,
            inputs=[["create", [self._input(code, quantity) for code in PARTS]]],
        )
        self.rpc("production", "wait", [made])
        number = str(self.rpc("production", "read", [made], ["number"])[0]["number"])
        self.orders[number] = made
        return number

    def _input(self, code: str, quantity: float) -> dict[str, Any]:
        """A movement of parts from the store to the shop floor, as the client explodes it from the bill of materials."""
        store, floor = self.locations
        return {
            "product": self.products[code],
            "quantity": quantity,
            "unit": self.unit,
            "from_location": store,
            "to_location": floor,
        }

    def employee(self, number: str, name: str) -> int:
        party = self.rpc.create("party.party", name=name, code=number)
        self.employees[number] = self.rpc.create("company.employee", party=party)
        return self.employees[number]


def furnish(server: Tryton) -> Plant:
    """Sets the plant up: a company, three employees, work centres, products with a bill of materials, a routing of three
    operations, and two orders."""
    plant = Plant(server, Rpc(server.url))
    rpc = plant.rpc
    euro = rpc.create("currency.currency", name="Euro", symbol="€", code="EUR")
    company = rpc.create("company.company", party=rpc.create("party.party", name="Vale Pumps", code="VALE"), currency=euro)
    rpc("res.user", "write", [1], {"companies": [["add", [company]]], "company": company})
    rpc.context = {"company": company}
    for number, name in (("E-1042", "Ines Hartmann"), ("E-1055", "Tomasz Nowak"), ("E-1061", "Amara Okafor")):
        plant.employee(number, name)
    _products(plant)
    _shop(plant)
    sequence = rpc.one("ir.sequence", ["sequence_type.name", "=", "Production"])
    rpc("ir.sequence", "write", [sequence], {"prefix": "PO-2026-", "padding": 4, "number_next": 17})
    plant.order(12, "2026-11-17", "2026-11-18", "SO-4711")
    plant.order(8, "2026-11-19", "2026-11-20")
    return plant


def twin(plant: Plant, home: Path) -> Plant:
    """The same plant on a server of its own in `home`, running, for tests that break it."""
    file = f"{DATABASE}.sqlite"
    with closing(sqlite3.connect(plant.server.data / file)) as original, closing(sqlite3.connect(home / file)) as copy:
        original.backup(copy)
    server = Tryton(home).start()
    rpc = Rpc(server.url)
    rpc.context = plant.rpc.context
    return replace(plant, server=server, rpc=rpc, orders=dict(plant.orders))


def _products(plant: Plant) -> None:
    rpc = plant.rpc
    plant.locations = rpc.one("stock.location", ["code", "=", "STO"]), rpc.one("stock.location", ["type", "=", "production"])
    plant.unit = rpc.one("product.uom", ["symbol", "=", "u"])
    for code, name in {"CP-40": "Centrifugal pump 40", **PARTS}.items():
        template = rpc.create(
            "product.template",
            name=name,
            code=code,
            type="goods",
            default_uom=plant.unit,
            list_price=decimal("0"),
            cost_price_method="fixed",
            producible=code == "CP-40",
            products=[["create", [{}]]],
        )
        plant.products[code] = rpc.one("product.product", ["template", "=", template])
    parts = [plant.products[code] for code in PARTS]
    plant.bom = rpc.create(
        "production.bom",
        name="CP-40",
        inputs=[["create", [{"product": part, "quantity": 1, "unit": plant.unit} for part in parts]]],
        outputs=[["create", [{"product": plant.products["CP-40"], "quantity": 1, "unit": plant.unit}]]],
    )


def _shop(plant: Plant) -> None:
    rpc = plant.rpc
    plant.centers["VALE"] = rpc.create("production.work.center", name="VALE")
    steps = []
    for position, (center, operation) in enumerate(
        (("MACHINING-1", "MILL-HOUSING"), ("ASSEMBLY-1", "ASSEMBLE-PUMP"), ("TEST-1", "PRESSURE-TEST")), 1
    ):
        category = rpc.create("production.work.center.category", name=center.partition("-")[0].title())
        plant.centers[center] = rpc.create("production.work.center", name=center, parent=plant.centers["VALE"], category=category)
        made = rpc.create("production.routing.operation", name=operation, work_center_category=category)
        steps.append({"operation": made, "sequence": position * 10})
    plant.routing = rpc.create(
        "production.routing", name="CP-40 standard", steps=[["create", steps]], boms=[["add", [plant.bom]]]
    )
