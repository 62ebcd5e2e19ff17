"""Real logs in by the command line, and every figure against the oracles, which were not made by this software."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ORDER_XML, ORDER_SQLITE = "ocel/order-management-ocel2.xml", "ocel/order-management.sqlite"

LOGS = {
    ORDER_XML: {t: f"ocel_order_management__{t}" for t in ("items", "orders", "packages", "customers", "employees")},
    "ocel/recruiting-red.jsonocel": {t: f"ocel_recruiting__{t}" for t in ("applications", "offers")},
    "ocel/p2p-2023.jsonocel": {
        t: f"ocel_p2p_2023__{t.replace(' ', '_')}"
        for t in (
            "goods receipt", "invoice receipt", "material", "payment", "purchase_order", "purchase_requisition", "quotation",
        )
    },
    "eventlogs/08_receipt.xes.gz": {"case": "receipt"},
    "eventlogs/helpdesk.xes.gz": {"case": "helpdesk"},
    "eventlogs/PurchasingExample.csv": {"case": "purchasing_example"},
    "eventlogs/interval_event_log.csv": {"case": "interval_event_log"},
    "eventlogs/bpic2012.xes.gz": {"case": "bpic2012_complete_events"},
}  # fmt: skip


def brain(*args: str, store: Path, expect: int = 0) -> "subprocess.CompletedProcess[str]":
    """Run the command as a user does."""
    command = [sys.executable, "-m", "brain", *args, "--store", f"sqlite:///{store}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == expect, done.stderr
    return done


def report(store: Path, object_type: str, *more: str) -> dict[str, Any]:
    told = brain(
        "report", "bottlenecks", "--object-type", object_type, "--section", "none", "--format", "json", *more, store=store
    )
    found: dict[str, Any] = json.loads(told.stdout)
    return found


@pytest.fixture(scope="module")
def imported(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each log in a store of its own."""
    folder = tmp_path_factory.mktemp("stores")
    stores = {}
    for log in LOGS:
        stores[log] = folder / f"{Path(log).name}.db"
        brain("import", str(shared_data / log), store=stores[log])
    return stores


@pytest.mark.parametrize(("log", "object_type", "oracle"), [(log, t, o) for log, types in LOGS.items() for t, o in types.items()])
def test_every_edge_is_the_oracles(imported: dict[str, Path], shared_data: Path, log: str, object_type: str, oracle: str) -> None:
    want = json.loads((shared_data / "oracles" / f"{oracle}.json").read_text())
    lifecycle = ("--lifecycle", "complete") if oracle == "bpic2012_complete_events" else ()
    found = report(imported[log], object_type, *lifecycle)
    edges = {(e["source"], e["target"]): e for e in found["edges"]}
    assert edges.keys() == {(e["source"], e["target"]) for e in want["all_edges"]}
    for e in want["all_edges"]:
        ours = edges[e["source"], e["target"]]
        assert ours["count"] == e["n"], e
        assert round(ours["meanSeconds"], 3) == pytest.approx(e["mean_s"], abs=0.0011), e
        assert ours["medianSeconds"] == pytest.approx(e["median_s"], abs=0.0011), e
    assert found["minFrequency"] == want["min_frequency_used"]
    assert found["objects"] == want["cases"]
    assert sum(e["overlaps"] for e in found["edges"]) == want["negative_gaps"]


def test_item_out_of_stock_is_first_by_mean_to_the_millisecond(imported: dict[str, Path]) -> None:
    found = report(imported[ORDER_XML], "items")
    frequent = [e for e in found["edges"] if e["count"] >= found["minFrequency"]]
    first = max(frequent, key=lambda e: e["meanSeconds"])
    assert (first["source"], first["target"], first["count"]) == ("item out of stock", "pick item", 1508)
    assert round(first["meanSeconds"], 3) == 872420.376
    assert found["byMean"][0] == first
    totals = [e["totalSeconds"] for e in found["edges"]]
    assert totals == sorted(totals, reverse=True)


def test_one_log_in_two_formats_is_one_model(imported: dict[str, Path], shared_data: Path, tmp_path: Path) -> None:
    brain("import", str(shared_data / ORDER_SQLITE), store=tmp_path / "two.db")
    one, two = (brain("hash", store=s).stdout for s in (imported[ORDER_XML], tmp_path / "two.db"))
    assert one == two
    assert len(one.strip()) == 64


def test_the_same_file_again_changes_nothing(imported: dict[str, Path], shared_data: Path) -> None:
    store = imported["ocel/recruiting-red.jsonocel"]
    before = brain("hash", store=store).stdout
    told = brain("import", str(shared_data / "ocel/recruiting-red.jsonocel"), store=store)
    assert "already imported" in told.stderr
    assert brain("hash", store=store).stdout == before
