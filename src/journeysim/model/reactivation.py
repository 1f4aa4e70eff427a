"""Customers who come back after an outcome: each return as a journey of its own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from journeysim.model.event_log import EventLog, Ints, Names
from journeysim.model.journey import JourneyMap
from journeysim.model.visits import first_rows, in_order, stated_by_customer


def reactivated(log: EventLog, journey: JourneyMap) -> EventLog:
    """Return the log with a customer of its own for each journey: "c1", and after an outcome "c1 (2)".

    The persona stays the customer's; an outcome that a row states holds for the journey of that row.
    """
    customer, place = log.customer.codes, log.touchpoint.recoded(journey.place_names)
    order = in_order(customer, log.time.astype("datetime64[us]").astype(np.int64))
    ended = (place >= len(journey.touchpoints))[order]
    before: Ints = np.cumsum(ended) - ended
    new = first_rows(customer[order])
    number = before - np.maximum.accumulate(np.where(new, before, 0))
    new[1:] |= number[1:] != number[:-1]
    codes = np.empty(len(place), dtype=np.int64)
    codes[order] = np.cumsum(new) - 1
    pairs = zip(customer[order][new].tolist(), number[new].tolist(), strict=True)
    labels = tuple(log.customer.labels[who] + (f" ({k + 1})" if k else "") for who, k in pairs)
    persona = log.persona and Names(stated_by_customer(customer, log.persona.codes), log.persona.labels)
    return replace(log, customer=Names(codes, labels), persona=persona)
