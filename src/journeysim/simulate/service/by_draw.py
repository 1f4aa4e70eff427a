"""One draw after the other with its staff: run by the compiled engine, and booked row by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from journeysim.model.quantity import Floats
from journeysim.simulate.chain import Chain, Ints
from journeysim.simulate.service.desks import BUSY, COUNTS, STAFFED
from journeysim.simulate.service.replay import Order, fill_order, new_order, replay
from journeysim.simulate.service.stage import Room, Stage, first_room, measured_of, run_draw
from journeysim.simulate.walk.booking import Books
from journeysim.simulate.walk.kernel import Block, new_block
from journeysim.simulate.walk.lanes import Lanes, new_lanes
from journeysim.simulate.walk.sums import Sums, new_books, new_sums


@final
@dataclass(frozen=True, slots=True, eq=False)
class Booked:
    """Sums over the draws of a stage, as they are run; every draw writes its own row."""

    books: Books
    sums: Sums
    visits: Floats  # (D, R, G, COUNTS)
    staffed: Floats  # (D, R)
    busy: Floats  # (D, R)
    measured: Ints  # (D,)
    whole: NDArray[np.int32]  # (lives' draws, customers, 4)
    real: Floats  # (lives' draws, customers, 7)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Desk:
    """What one thread works with, beside the engine's room."""

    room: Room
    order: Order
    block: Block
    lanes: Lanes
    part: Floats
    whole: NDArray[np.int32]
    real: Floats

    @classmethod
    def new(cls, stage: Stage) -> Desk:
        """Return working space for one thread."""
        return cls.around(stage, first_room(stage))

    @classmethod
    def around(cls, stage: Stage, room: Room) -> Desk:
        """Return working space that fits a room."""
        customers = len(room.people.time)
        return cls(
            room,
            new_order(len(room.trace.place), customers),
            new_block(stage.layout.place_key.size),
            new_lanes(stage.layout.own.entries),
            np.zeros((4, stage.layout.personas, 5)),
            np.zeros((customers, 4), dtype=np.int32),
            np.zeros((customers, 7)),
        )


def new_booked(stage: Stage, lives: int, customers: int) -> Booked:
    """Return empty sums, and room for the lives of so many customers in so many draws."""
    draws, resources = stage.chain.draws, len(stage.blueprint.key)
    return Booked(
        new_books(draws, stage.layout),
        new_sums(draws, stage.layout),
        np.zeros((draws, resources, stage.layout.personas, COUNTS)),
        np.zeros((draws, resources)),
        np.zeros((draws, resources)),
        np.zeros(draws, dtype=np.int64),
        np.zeros((lives, customers, 4), dtype=np.int32),
        np.zeros((lives, customers, 7)),
    )


def ways_out_of(chain: Chain, gives_up_to: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return by phase the link that leads where the unserved of each touchpoint go (its first one where nobody can)."""
    found = np.tile(chain.row_start[:-1].astype(np.int32), (len(gives_up_to), 1))
    for phase, targets in enumerate(gives_up_to):
        for k, target in enumerate(targets):
            row = np.arange(chain.row_start[k], chain.row_start[k + 1])
            leads = row[chain.target[row] == target]
            if leads.size:
                found[phase, k] = leads[0]
    return found


def run_row(
    stage: Stage, row: int, number: int, way_out: NDArray[np.int32], kept: int | None, found: Booked, desk: Desk
) -> Desk:
    """Run the draw in a row of the stage, by its number in the whole, and book it; return the working space.

    It comes back larger where it was too small. The draw's lives go to place `kept` of those that are kept, if any.
    """
    (first, last), desk = _lived(stage, row, number, desk)
    room = desk.room
    replay(
        first, last, -np.inf, np.zeros(0), stage.layout, stage.parameters, row, np.uint64(number), room.truth, stage.ways,
        way_out,
        stage.blueprint.waiting_feels, room.people, room.trace,
        desk.order, desk.block, desk.lanes, found.books, found.sums, desk.part, desk.whole, desk.real,
    )  # fmt: skip
    found.visits[row], found.measured[row] = room.desks.visits, last - first
    found.staffed[row], found.busy[row] = room.desks.area[:, STAFFED], room.desks.area[:, BUSY]
    if kept is not None:
        size = min(last - first, found.whole.shape[1])
        found.whole[kept, :size], found.real[kept, :size] = desk.whole[:size], desk.real[:size]
    return desk


def run_row_by_date(
    stage: Stage,
    row: int,
    number: int,
    way_out: NDArray[np.int32],
    ends: Floats,
    since: float,
    found: Booked,
    desk: Desk,
) -> Desk:
    """Run a draw and book it by calendar months that end on days `ends`; who has ended before `since` is left out."""
    (first, last), desk = _lived(stage, row, number, desk)
    layout = stage.layout._replace(month_ends=ends.copy())  # overwritten customer by customer
    replay(
        first, last, since, ends, layout, stage.parameters, row, np.uint64(number), desk.room.truth, stage.ways, way_out,
        stage.blueprint.waiting_feels, desk.room.people, desk.room.trace, desk.order, desk.block, desk.lanes,
        found.books, found.sums, desk.part, desk.whole, desk.real,
    )  # fmt: skip
    return desk


def _lived(stage: Stage, row: int, number: int, desk: Desk) -> tuple[tuple[int, int], Desk]:
    """Run one draw; return which customers are measured, and the working space with their records in order."""
    count, room = run_draw(stage, row, number, desk.room, measured=True)
    if room is not desk.room:
        desk = Desk.around(stage, room)
    fill_order(count, room.trace, desk.order)
    return measured_of(count, stage, room), desk
