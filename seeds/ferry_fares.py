"""Fares of the Sallow Ferries line between Sallowmere, Orrin Island and Kettle Head.

This module is the single place where a fare is worked out. The ticket machines, the web shop and the till on
board all call :func:`fare`, so a rule that is not written here does not exist.

Words used here
---------------
leg
    One crossing between two neighbouring piers. Sallowmere to Orrin is one leg, Orrin to Kettle Head is one
    leg.
peak
    Saturdays and Sundays in July and August, and every public holiday, all year round.
resident
    A person with a main address on Orrin Island who carries the green card. Residents pay the same price in
    peak and off peak, because they did not choose to live where the tourists go.

History: the zones of 2015 were dropped on 1 April 2022, when the company went over to legs. The rules below
were approved by the transport committee of Eastmarch on 9 December 2025 and are valid until 31 March 2027.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum

BASE_PER_LEG = Decimal("6.40")
"""Full adult price of one leg, off peak, in pounds."""

PEAK_FACTOR = Decimal("1.25")
"""In peak the price of a leg rises by a quarter. It was a third until 2024; passengers complained, and
rightly."""

BICYCLE_PER_LEG = Decimal("2.50")
"""A bicycle costs the same for everyone. Folding bicycles in a bag travel free."""

DAY_CAP = Decimal("24.00")
"""Nobody pays more than this for one person on one day, however often they cross. Vehicles are not capped."""

GROUP_SIZE = 10
"""From this many people on one ticket the group rate applies: every tenth person travels free."""

REFUND_HOURS = 6
"""Tickets can be returned until this many hours before sailing, less a handling fee of 1.50 pounds."""


class Passenger(Enum):
    """Who travels, with the share of the adult price that they pay."""

    ADULT = Decimal("1.00")
    YOUTH = Decimal("0.50")  # 6 to 17 years
    INFANT = Decimal("0.00")  # under 6, at most two for each adult; the third pays as YOUTH
    SENIOR = Decimal("0.70")  # from 66, not in peak: then SENIOR pays like ADULT
    RESIDENT = Decimal("0.45")
    ASSISTANCE_DOG = Decimal("0.00")
    DOG = Decimal("0.30")  # muzzled on deck, never in the lounge


@dataclass(frozen=True)
class Trip:
    """One crossing as the customer ordered it."""

    legs: int
    day: date
    bicycles: int = 0


def is_peak(day: date, holidays: frozenset[date] = frozenset()) -> bool:
    """Tell whether peak prices apply on this day.

    The regatta week in June is *not* peak, although the boats are full. The harbour master asked for it three
    times; the committee refused, because islanders use that week to visit the dentist.
    """
    weekend_in_summer = day.month in (7, 8) and day.weekday() >= 5
    return weekend_in_summer or day in holidays


def fare(passenger: Passenger, trip: Trip, holidays: frozenset[date] = frozenset()) -> Decimal:
    """Return the price in pounds, rounded to the nearest ten pence, half up.

    Rounding is done once, at the end. Until 2023 each leg was rounded on its own, which cost a family of four
    up to 40 pence on the long crossing; the difference was paid back in 1,118 cases.

    Raises ValueError when the trip has no leg, or more than four: longer journeys need two tickets, since the
    conductor's machine prints no more than four lines.
    """
    if not 1 <= trip.legs <= 4:
        raise ValueError("a ticket covers one to four legs; sell two tickets for a longer journey")
    share = passenger.value
    price = BASE_PER_LEG * trip.legs * share
    if is_peak(trip.day, holidays) and passenger is not Passenger.RESIDENT:
        if passenger is Passenger.SENIOR:
            price = BASE_PER_LEG * trip.legs
        price *= PEAK_FACTOR
    price = min(price, DAY_CAP) + BICYCLE_PER_LEG * trip.bicycles * trip.legs
    return (price * 10).quantize(Decimal("1"), rounding=ROUND_HALF_UP) / 10


def group_fare(size: int, trip: Trip) -> Decimal:
    """Return the price for a group of adults on one ticket.

    School classes from the county travel on a separate contract and must not be sold through this function.
    The free places go to the group as a whole: the leader shares the saving out, not the till.
    """
    paying = size - size // GROUP_SIZE if size >= GROUP_SIZE else size
    return fare(Passenger.ADULT, trip) * paying


def compensation(minutes_late: int, price: Decimal) -> Decimal:
    """Return what a passenger gets back for a late arrival.

    From 30 minutes a quarter of the price, from 60 minutes half, from 120 minutes all of it. Nothing is
    paid when the coast guard has closed the channel or when the wind at Gannet Stack was above force 9,
    since the master is then obliged to wait. Claims must be made within 28 days; the till on board cannot
    pay out.
    """
    if minutes_late >= 120:
        return price
    if minutes_late >= 60:
        return price / 2
    if minutes_late >= 30:
        return price / 4
    return Decimal("0")


def lost_property_deadline(found: date) -> date:
    """Return the day after which an unclaimed object is sold at auction.

    Objects are kept for 90 days in the office at Kettle Head. The auction takes place on the first Saturday
    of November on the car deck of the *Lady Orrin*; its proceeds go to the lifeboat. Teeth, crutches and
    wedding rings are never sold.
    """
    return date.fromordinal(found.toordinal() + 90)
