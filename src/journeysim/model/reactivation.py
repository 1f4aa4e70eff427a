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
    order = in_order(customer, log.time)
    ended = (place >= len(journey.touchpoints))[order]
    before: Ints = np.cumsum(ended) - ended
    number = np.empty(len(place), dtype=np.int64)
    number[order] = before - np.maximum.accumulate(np.where(first_rows(customer[order]), before, 0))
    pairs, codes = np.unique(np.stack([customer, number], axis=1), axis=0, return_inverse=True)
    labels = tuple(log.customer.labels[who] + (f" ({k + 1})" if k else "") for who, k in pairs)
    persona = log.persona and Names(stated_by_customer(customer, log.persona.codes), log.persona.labels)
    return replace(log, customer=Names(codes.ravel(), labels), persona=persona)
