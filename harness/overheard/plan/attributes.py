"""What facts are about. Each fact of a plan has an attribute of its own.

Memory layers merge facts that look alike, and rank what they keep by the words of the question. So no two
attributes share a content word, and a probe that names an attribute can mean one fact alone. When all are
used up, a qualifier and a place are added ("spare locker code for the Lisbon office").
"""

from __future__ import annotations

from typing import Final

from overheard.plan.choose import Chooser

ATTRIBUTES: Final = (
    "locker code",
    "parking permit",
    "wifi passphrase",
    "gym membership",
    "passport serial",
    "frequent flyer account",
    "alarm keyword",
    "bicycle lock combination",
    "library shelfmark",
    "insurance policy",
    "safe deposit box",
    "garage door pin",
    "voicemail greeting",
    "invoice reference",
    "boarding gate",
    "hotel reservation",
    "parcel tracking label",
    "prescription slip",
    "dentist appointment",
    "blood donor record",
    "tax identifier",
    "pension folder",
    "mortgage contract",
    "electricity meter",
    "water valve tag",
    "server hostname",
    "database password",
    "backup drive marker",
    "laptop asset sticker",
    "printer queue",
    "conference badge",
    "visa application",
    "warranty certificate",
    "gift voucher",
    "discount coupon",
    "lottery ticket",
    "theatre seat",
    "museum audioguide",
    "ski lift sleeve",
    "boat mooring",
    "caravan pitch",
    "allotment plot",
    "greenhouse thermostat",
    "beehive register",
    "dog microchip",
    "cat collar engraving",
    "horse stable stall",
    "aquarium pump model",
    "piano tuner receipt",
    "violin appraisal",
    "camera lens inscription",
    "drone licence",
    "telescope calibration",
    "microscope slide",
    "laboratory sample",
    "thesis archive entry",
    "exam candidate token",
    "scholarship grant",
    "school enrolment",
    "nursery pickup phrase",
    "babysitter hotline",
    "doctor referral",
    "vaccination batch",
    "hearing aid firmware",
    "spectacles order",
    "wheelchair rental",
    "ambulance cover plan",
    "charity pledge",
    "auction bid paddle",
    "antique dealer lot",
    "stamp catalogue position",
    "coin album page",
    "wine cellar rack",
    "bakery standing request",
    "coffee loyalty punch",
    "restaurant table booking",
    "catering quote",
    "wedding registry",
    "choir cloakroom hook",
    "orchestra podium spot",
    "film festival wristband",
    "podcast feed secret",
    "newsletter unsubscribe link",
    "domain transfer authorisation",
    "software activation string",
    "router admin login",
    "satellite dish bearing",
    "solar inverter station",
    "heat exchanger part",
    "elevator override sequence",
    "rooftop hatch cipher",
    "basement storage cage",
    "mailbox slot",
    "courier depot handle",
    "customs declaration",
    "freight container seal",
    "warehouse pallet",
    "forklift operator rating",
    "crane inspection mark",
    "fuel card digits",
)

QUALIFIERS: Final = (
    "spare",
    "old",
    "new",
    "second",
    "temporary",
    "shared",
    "private",
    "backdated",
    "renewed",
)
PLACES: Final = (
    "Lisbon office",
    "Oslo flat",
    "Nairobi branch",
    "Quito workshop",
    "Hanoi studio",
    "Perth house",
    "Tampere mill",
    "Bergen harbour",
    "Malmö clinic",
    "Graz academy",
    "Leeds depot",
    "Kyoto garden",
)


STRIDES: Final = (1, 3, 7, 9, 11, 13, 17, 19, 21, 23, 27, 29, 31, 33, 37, 39)
"""Steps that visit all one hundred attributes before any comes twice."""


class Deck:
    """Deals attributes in a drawn order, none of them twice."""

    def __init__(self, choose: Chooser) -> None:
        self._next = choose.integer(0, len(ATTRIBUTES) - 1)
        self._stride = choose.pick(STRIDES)
        self._dealt = 0

    def deal(self) -> str:
        """An attribute that was not dealt before."""
        attribute = ATTRIBUTES[self._next % len(ATTRIBUTES)]
        lap = self._dealt // len(ATTRIBUTES)
        self._next += self._stride
        self._dealt += 1
        return _qualified(attribute, lap - 1) if lap else attribute


def _qualified(attribute: str, lap: int) -> str:
    qualifier = QUALIFIERS[lap % len(QUALIFIERS)]
    place = PLACES[lap // len(QUALIFIERS) % len(PLACES)]
    again = lap // (len(QUALIFIERS) * len(PLACES))
    return f"{qualifier} {attribute} for the {place}" + (f", building {again + 1}" if again else "")
