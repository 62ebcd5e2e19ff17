"""B2MML (ISA-95 in XML, by MESA International) → records for `rules.yaml`.

Rules are flat and B2MML is a tree: equipment within equipment to any depth, segments within responses within a document, that
document maybe within a business object document (`SyncEquipmentInformation`). This lifts every object of interest out:

    {"kind": "SegmentResponse", "ID": "…", "ActualStartTime": "…", …its own elements…,
     "properties": {"SerialNumber": "…"},             of equipment, physical assets and people
     "published": the nearest PublishedDate, else the message's CreationDateTime,
     "equipmentClasses": [{"ID": "…"}, …],            those that it is a member of, or asks for; and "personnelClasses"
     "within": {"OperationsResponse": {…}, …}}        the nearest enclosing object of each kind

Names are B2MML's. An element with attributes is its text (`<X OtherValue="Scrap">Other</X>` is `Scrap`). What the standard
lets repeat: OperationsRequestID and SegmentRequirementID are lists of `{"ID": …}`; personnel, equipment and material actuals,
requirements and specifications are lists with one entry an identifier; any other repeated text is all its texts, joined by ", ".

A response also yields an `OperationActual` for each segment requirement that it answers, since several segments may answer one.
"""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from ingest.decode import BadPayload, decoder
from ingest.record import Envelope
from ingest.rules import Format, Kind
from ingest.times import TimeFormat, clock

Element = dict[str, Any]

VERBS = ("Sync", "Show", "Process", "Change")
"""Messages of part 5 that say how things are."""
TALK = ("Acknowledge", "Confirm", "Get", "Respond")
"""Messages that ask or answer: each becomes one record of that kind, which the rules ignore."""
CANCEL = "a Cancel, which is not understood: mend the order in the system that owns it, whose next message will say so"
REFUSED = "XML with a DOCTYPE: refused, since its entities could read files or fill the memory"

LIFTED = {
    "Equipment": "Equipment",
    "EquipmentChild": "Equipment",
    "EquipmentAssetMapping": "EquipmentAssetMapping",
    "PhysicalAsset": "PhysicalAsset",
    "PhysicalAssetChild": "PhysicalAsset",
    "Person": "Person",
    "OperationsRequest": "OperationsRequest",
    "SegmentRequirement": "SegmentRequirement",
    "SegmentRequirementChild": "SegmentRequirement",
    "OperationsResponse": "OperationsResponse",
    "SegmentResponse": "SegmentResponse",
    "SegmentResponseChild": "SegmentResponse",
    "OperationsDefinition": "OperationsDefinition",
    "OperationsSegment": "OperationsSegment",
    "OperationsSegmentChild": "OperationsSegment",
    "ProcessSegment": "ProcessSegment",
    "ProcessSegmentChild": "ProcessSegment",
    "ResourceRelationshipNetwork": "ResourceRelationshipNetwork",
    "ResourceNetworkConnection": "ResourceNetworkConnection",
}
"""Elements that become records, and the kind of record."""
DOCUMENTS = (
    "EquipmentInformation",
    "PhysicalAssetInformation",
    "PersonnelInformation",
    "OperationsSchedule",
    "OperationsPerformance",
    "OperationsDefinitionInformation",
    "ProcessSegmentInformation",
    "ResourceRelationshipNetworkInformation",
)
"""Elements that only hold others."""
RESOURCES = {
    "PersonnelActual": "PersonID",
    "PersonnelRequirement": "PersonID",
    "PersonnelSpecification": "PersonID",
    "PersonnelSegmentSpecification": "PersonID",
    "EquipmentActual": "EquipmentID",
    "EquipmentRequirement": "EquipmentID",
    "EquipmentSpecification": "EquipmentID",
    "EquipmentSegmentSpecification": "EquipmentID",
    "MaterialActual": "MaterialDefinitionID",
    "MaterialRequirement": "MaterialDefinitionID",
}
"""Elements that name resources, and the identifier, which may repeat within one."""
ASKS = tuple(name for name in RESOURCES if not name.endswith("Actual"))
"""Elements that say what is needed, not what was used."""
CLASSES = {"EquipmentClassID": "equipmentClasses", "PersonnelClassID": "personnelClasses"}
"""Elements that name a class, in an object that is a member or in what it asks for, and the list of them that its record has."""
REFERENCES = ("OperationsRequestID", "SegmentRequirementID")
"""What a segment response answers. One that does not say answers what its parent does."""
PRODUCED = frozenset({"Produced", "Material Produced", "Yield Produced"})
SCRAPPED = frozenset({"Scrap", "Scrapped"})


def decode(payload: bytes) -> Iterator[Element]:
    """The records of one document. BadPayload for what is no XML, or has a DOCTYPE (and so may have entities)."""
    try:
        root = decoder(Format(Kind.XML))(Envelope("", "", payload, 0))
    except BadPayload as error:
        # The parser may give up on what the entities do before it can be asked whether there are any.
        raise BadPayload(REFUSED if b"<!ENTITY" in payload else str(error)) from None
    tag = root.pop("#tag")
    if tag in DOCUMENTS or tag in LIFTED:
        yield from _lift(tag, root, {}, None)
        return
    if tag.startswith("Cancel"):
        raise BadPayload(CANCEL)
    verb = next((verb for verb in (*VERBS, *TALK) if tag.startswith(verb)), None)
    if verb not in VERBS or type(area := root.get("DataArea")) is not dict:
        yield {"kind": verb or tag}
        return
    application = root.get("ApplicationArea")
    sent = _text(application.get("CreationDateTime")) if type(application) is dict else None
    for noun, found in area.items():
        if noun != verb:
            for element in _many(found):
                yield from _lift(noun, element, {}, sent)


def _lift(name: str, element: Any, within: Element, published: str | None) -> Iterator[Element]:
    """The record of an element (documents make none, but are in `within`), then those of the elements inside it."""
    kind = LIFTED.get(name, name)
    if type(element) is not dict:
        element = {}
    published = _text(element.get("PublishedDate")) or published
    own = _own(element)
    if kind == "SegmentResponse":
        _inherit(own, within)
    if f"{kind}Property" in own:
        own["properties"] = _properties(_many(own[f"{kind}Property"]))
    if kind == "Equipment" and (scope := _innermost(element.get("HierarchyScope"))) and scope != own.get("ID"):
        own["scope"] = scope
    if kind not in DOCUMENTS:
        yield {**own, "kind": kind, "published": published, "within": within}
    if kind == "OperationsResponse":
        yield from _actuals(own, _many(element.get("SegmentResponse")), published)
    inside = {**within, kind: own}
    for child, found in element.items():
        if child in LIFTED:
            for one in _many(found):
                yield from _lift(child, one, inside, published)


def _own(element: Any) -> Element:
    """What an element says itself: all but what is lifted out of it."""
    if type(element) is not dict:
        return {}
    own = {name: _value(name, child) for name, child in element.items() if name not in LIFTED and name[0] not in "@#"}
    return own | _classes(element)


def _classes(element: Element) -> Element:
    """The classes of which it is a member or for which it asks, each once, under the names of `CLASSES`."""
    saying = [element, *(one for name in ASKS for one in _many(element.get(name)) if type(one) is dict)]
    made: Element = {}
    for name, listed in CLASSES.items():
        texts = [(_text(found) or "").strip() for one in saying for found in _many(one.get(name))]
        if any(texts):
            made[listed] = [{"ID": text} for text in dict.fromkeys(texts) if text]
    return made


def _many(value: Any) -> list[Any]:
    return value if type(value) is list else [] if value is None else [value]


def _value(name: str, value: Any) -> Any:
    if name in REFERENCES:
        return [{"ID": text} for one in _many(value) if (text := _text(one))]
    if name in RESOURCES:
        return _resources(_many(value), RESOURCES[name])
    if type(value) is not list:
        return _plain(value)
    if any(_text(one) is None for one in value):
        return [_plain(one) for one in value]
    return ", ".join(text for one in value if (text := _text(one)))


def _resources(elements: list[Any], name: str) -> list[Element]:
    """One entry an identifier, those that name a class alone last."""
    named: list[Element] = []
    unnamed: list[Element] = []
    for element in elements:
        plain = _plain(element)
        identifiers = [text for one in _many(element.get(name)) if (text := _text(one))] if type(element) is dict else []
        named += [{**plain, name: identifier} for identifier in identifiers]
        if not identifiers and type(plain) is dict:
            unnamed.append(plain)
    return named + unnamed


def _plain(value: Any) -> Any:
    """An element without attributes: a text, or its children."""
    text = _text(value)
    if text is not None or type(value) is not dict:
        return text
    return {name: _value(name, child) for name, child in value.items() if name[0] not in "@#"}


def _text(value: Any) -> str | None:
    """The text of an element without children; None for any other."""
    if type(value) is dict and all(name[0] in "@#" for name in value):
        text = value.get("#text", "")
        return str(value["@OtherValue"] if text == "Other" and value.get("@OtherValue") else text)
    return value if type(value) is str else None


def _properties(found: list[Any]) -> Element:
    """`PhysicalAssetProperty`, `EquipmentProperty`, `PersonProperty`: identifier → value, those with one value."""
    made: Element = {}
    for one in found:
        value = one.get("Value") if type(one) is dict else None
        if type(value) is dict and type(one.get("ID")) is str:
            made[one["ID"]] = value.get("ValueString")
    return made


def _innermost(scope: Any) -> str | None:
    """The lowest equipment of a HierarchyScope."""
    while type(scope) is dict and type(scope.get("HierarchyScopeChild")) is dict:
        scope = scope["HierarchyScopeChild"]
    return _text(scope.get("EquipmentID")) if type(scope) is dict else None


def _inherit(own: Element, within: Element) -> None:
    for name in REFERENCES:
        for parent in ("SegmentResponse", "OperationsResponse"):
            if not own.get(name) and parent in within:
                own[name] = within[parent].get(name) or []


def _actuals(response: Element, segments: list[Any], published: str | None) -> Iterator[Element]:
    """What a response says of each operation of each order: from its first start to its last end, with what came out."""
    answers: dict[tuple[str, str], list[Element]] = {}
    for segment in segments:
        own = _own(segment)
        _inherit(own, {"OperationsResponse": response})
        for order in own.get("OperationsRequestID", ()):
            for requirement in own.get("SegmentRequirementID", ()):
                answers.setdefault((order["ID"], requirement["ID"]), []).append(own)
    for (order_id, requirement_id), found in answers.items():
        found.sort(key=lambda own: (_micros(own.get("ActualStartTime")), str(own.get("ID"))))
        ends = [own.get("ActualEndTime") for own in found]
        used = [one for own in found for one in own.get("MaterialActual", ())]
        latest = found[-1]
        yield {
            "kind": "OperationActual",
            "published": published,
            "OperationsRequestID": order_id,
            "SegmentRequirementID": requirement_id,
            "OperationsSegmentID": latest.get("OperationsSegmentID") or latest.get("ProcessSegmentID"),
            "SegmentState": latest.get("SegmentState"),
            "ActualStartTime": found[0].get("ActualStartTime"),
            "ActualEndTime": max(ends, key=_micros) if all(ends) else None,
            "EquipmentActual": latest.get("EquipmentActual", []),
            "PersonnelActual": [one for own in found for one in own.get("PersonnelActual", ())],
            "Produced": _total(used, PRODUCED),
            "Scrapped": _total(used, SCRAPPED),
        }


def _micros(text: Any) -> int:
    try:
        return clock(TimeFormat())(text)
    except (ValueError, TypeError):
        return -1


def _total(materials: list[Element], uses: frozenset[str]) -> str | None:
    """How much of the one material that has such a use; None where none has or several have (a sum would mix things)."""
    chosen = [one for one in materials if one.get("MaterialUse") in uses]
    if len({one.get("MaterialDefinitionID") for one in chosen}) != 1:
        return None
    quantities = [quantity for one in chosen for quantity in _many(one.get("Quantity"))]
    try:
        return str(sum(Decimal(quantity["QuantityString"]) for quantity in quantities))
    except (InvalidOperation, TypeError, KeyError):
        return None
