"""Which names of a log are outcomes: stated in its `outcome` column, or last and never left again."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from journeysim.calibrate.discover.settings import Support
from journeysim.model.event_log import EventLog, Ints
from journeysim.model.visits import first_rows


def outcome_names(log: EventLog, support: Support, named: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the outcomes of a log: those the caller names, those its `outcome` column states, and dead ends.

    A dead end is a name that is left by fewer than `support` (share and number) of those who get there, and that most
    reach from somewhere else: a name where journeys mostly begin and end at once is a touchpoint that is left silently.
    A row of the same name and moment is the same event. In the log's own order of labels; stated ones first.
    """
    found = dict.fromkeys(named)
    if log.outcome is not None:
        found |= dict.fromkeys(log.outcome.labels[code] for code in np.unique(log.outcome.codes) if code >= 0)
    return tuple(found | dict.fromkeys(name for name in _dead_ends(log, support) if name not in found))


def _dead_ends(log: EventLog, support: Support) -> list[str]:
    order = np.lexsort((np.arange(len(log.time)), log.time, log.customer.codes))
    customer, name, time = log.customer.codes[order], log.touchpoint.codes[order], log.time[order]
    size, starts = len(log.touchpoint.labels), first_rows(customer)
    follows = np.append(~starts[1:], False)
    following = np.minimum(np.arange(len(name)) + 1, len(name) - 1)
    moves = follows & ((name[following] != name) | (time[following] > time))
    arrives = starts.copy()
    arrives[1:] |= moves[:-1]
    came, began = _count(name[arrives], size), _count(name[starts], size)
    left = np.bincount(np.unique(np.stack([name[moves], customer[moves]]), axis=1)[0], minlength=size)
    dead = (left < support.customers) & (left < support.share * came) & (2 * began < came)
    return [log.touchpoint.labels[code] for code in np.flatnonzero(dead)]


def _count(names: Ints, size: int) -> Ints:
    return np.asarray(np.bincount(names, minlength=size), dtype=np.int64)
