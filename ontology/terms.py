"""The fixed words: our annotation vocabulary, the parts of OWL, RDFS and SHACL that the compiler reads, and what is borrowed."""

from rdflib import OWL, RDF, RDFS, SH, XSD, Namespace, URIRef

from brain.schema import Datatype

EB = Namespace("https://enterprise-brain.example/ns/upper#")
"""The kernel's namespace. It ends in .example (RFC 2606) because nobody has registered a domain for it."""

KINDS = {
    OWL.Class: "class",
    RDFS.Class: "class",
    OWL.DatatypeProperty: "property",
    OWL.ObjectProperty: "relation",
    OWL.AnnotationProperty: "annotation",
    OWL.Ontology: "header",
    SH.NodeShape: "shape",
    SH.PropertyShape: "part",
}

PROSE = frozenset({RDF.type, RDFS.comment, RDFS.label, RDFS.seeAlso, RDFS.isDefinedBy})
_SHAPE_PROSE = PROSE | {SH.name, SH.description, SH.order, SH.severity, SH.message}
PREDICATES: dict[str, frozenset[URIRef]] = {
    "class": PROSE | {RDFS.subClassOf, EB.keyspace, EB.key, EB.alias, EB.anyOf, EB.closedBy},
    "property": PROSE
    | {RDFS.subPropertyOf, EB.unit, EB.history, EB.indexed, EB.counter, EB.due, EB.identity, EB.impossibleWhile},
    "relation": PROSE | {RDFS.subPropertyOf, OWL.inverseOf, EB.dependency, EB.delay, EB.stay},
    "annotation": PROSE,
    "shape": _SHAPE_PROSE | {SH.targetClass, SH.property},
    "part": _SHAPE_PROSE
    | {SH.path, SH.datatype, SH["class"], SH.nodeKind, SH.minCount, SH.maxCount, SH["in"], SH.pattern}
    | {SH.minInclusive, SH.maxInclusive, SH.minExclusive, SH.maxExclusive, SH.minLength, SH.maxLength},
}
"""What may be said of each kind of node. Anything else is an error: a statement that nobody reads must not look obeyed."""

DATATYPES: dict[URIRef, Datatype] = {
    XSD.string: Datatype.STRING,
    XSD.integer: Datatype.INTEGER,
    XSD.decimal: Datatype.FLOAT,
    XSD.double: Datatype.FLOAT,
    XSD.float: Datatype.FLOAT,
    XSD.boolean: Datatype.BOOLEAN,
    XSD.dateTime: Datatype.INSTANT,
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


RESERVED = _words(
    "id key class cls typename placeholder attributes stamps evidence quality conflicts history relations dependencies dependents"
    " changes mergedFrom asOf knownAt at"
)
"""Names of properties, relations and inverses that the kernel and GraphQL use themselves; compared without case."""

RESERVED_CLASSES = _words("Query Mutation Subscription Node Edge PageInfo Change ID Int Float String Boolean DateTime JSON")
"""Names of GraphQL types that are not the ontology's."""

STANDARD = {
    "owl": str(OWL),
    "rdf": str(RDF),
    "rdfs": str(RDFS),
    "sh": str(SH),
    "xsd": str(XSD),
}

BORROWED: dict[str, tuple[str, str, str]] = {
    "sosa": (
        "http://www.w3.org/ns/sosa/",
        "ActuatableProperty Actuation Actuator FeatureOfInterest ObservableProperty Observation Platform Procedure Result"
        " Sample Sampler Sampling Sensor",
        "actsOnProperty hasFeatureOfInterest hasResult hasSample hasSimpleResult hosts isActedOnBy isFeatureOfInterestOf"
        " isHostedBy isObservedBy isResultOf isSampleOf madeActuation madeByActuator madeBySampler madeBySensor"
        " madeObservation madeSampling observedProperty observes phenomenonTime resultTime usedProcedure",
    ),
    "ssn": (
        "http://www.w3.org/ns/ssn/",
        "Deployment Input Output Property Stimulus System",
        "deployedOnPlatform deployedSystem detects forProperty hasDeployment hasInput hasOutput hasProperty hasSubSystem"
        " implementedBy implements inDeployment isPropertyOf isProxyFor wasOriginatedBy",
    ),
    "prov": (
        "http://www.w3.org/ns/prov#",
        "Activity Agent Bundle Collection Entity Location Organization Person Plan Role SoftwareAgent",
        "actedOnBehalfOf alternateOf atLocation atTime endedAtTime generated generatedAtTime hadMember hadPlan hadRole"
        " influenced invalidated invalidatedAtTime specializationOf startedAtTime used wasAssociatedWith wasAttributedTo"
        " wasDerivedFrom wasEndedBy wasGeneratedBy wasInfluencedBy wasInformedBy wasInvalidatedBy wasQuotedFrom"
        " wasRevisionOf wasStartedBy",
    ),
    "org": (
        "http://www.w3.org/ns/org#",
        "ChangeEvent FormalOrganization Membership Organization OrganizationalCollaboration OrganizationalUnit Post Role Site",
        "basedAt hasMember hasPost hasPrimarySite hasRegisteredSite hasSite hasSubOrganization hasUnit headOf heldBy holds"
        " identifier linkedTo memberOf postIn purpose reportsTo siteAddress siteOf subOrganizationOf"
        " transitiveSubOrganizationOf unitOf",
    ),
    "time": (
        "http://www.w3.org/2006/time#",
        "Duration Instant Interval ProperInterval TemporalEntity",
        "after before hasBeginning hasDuration hasEnd hasTime inside inXSDDateTimeStamp",
    ),
}
"""Published vocabularies whose terms an ontology file may build on: prefix → (namespace, its classes, its properties).

Only these terms are accepted, so that a misspelt one is found at start without a network; a test checks each against
the published files. To borrow one more, add it here.
"""


def borrowed_terms(kind: int) -> frozenset[str]:
    """IRIs of all borrowed classes (kind 1) or properties (kind 2)."""
    return frozenset(entry[0] + name for entry in BORROWED.values() for name in entry[kind].split())


BORROWED_CLASSES = borrowed_terms(1)
BORROWED_PROPERTIES = borrowed_terms(2) | {str(OWL.sameAs), str(OWL.differentFrom)}
