"""Changes: from their settings in a scenario file to the model's final classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from journeysim.files import changes_shape as shape
from journeysim.files.changes_shape import ChangeFile
from journeysim.files.phrases import ARROW, link
from journeysim.files.reading import Source
from journeysim.files.rows import described
from journeysim.files.yaml_positions import Steps
from journeysim.model.changes import (
    AddTouchpoint,
    AdjustShare,
    Change,
    ChangeAudience,
    ChangeReward,
    ChangeStaff,
    RemoveTouchpoint,
    Reroute,
    ScaleDwell,
    Terms,
)
from journeysim.model.changes.removal import Inflow
from journeysim.model.changes.rewards import How as RewardHow
from journeysim.model.changes.rewards import What
from journeysim.model.changes.shares import How as ShareHow
from journeysim.model.dwell import INSTANT
from journeysim.model.journey import link_id
from journeysim.model.quantity import Fixed, Quantity, Trialled

SHARE_SIZES: Final[tuple[ShareHow, ...]] = ("odds x", "relative x", "points", "set to")
REWARD_SIZES: Final[tuple[RewardHow, ...]] = ("set to", "times", "plus")
RewardFile = (
    shape.ChangeValueFile
    | shape.ChangeCostFile
    | shape.ChangePriceFile
    | shape.ChangeEffortFile
    | shape.ChangeFeelingFile
)


@dataclass(frozen=True, slots=True)
class _At:
    """Where a change stands: the file, and its path."""

    source: Source
    path: Steps

    def needs(self, setting: str, example: str) -> None:
        """Note that a setting is missing."""
        self.source.note("J013", f'this change needs "{setting}", for example "{setting}: {example}"', self.path)


def change_of(source: Source, file: ChangeFile, path: Steps) -> Change | None:
    """Return a change, or None when too much of it is missing (which is then noted)."""
    at, terms = _At(source, path), _terms(file)
    found = _change(at, file, terms)
    test = file.basis.test if file.basis is not None else None
    if test is not None and found is not None and not (isinstance(found, AdjustShare) and found.how == "odds x"):
        cure = 'a test informs "change share" with "odds x" (without a size the test alone); write another basis here'
        source.note("J056", f"a test's counts give an odds ratio: {cure}", (*path, "basis"))
    return found


def _change(at: _At, file: ChangeFile, terms: Terms) -> Change | None:  # noqa: PLR0911 - one return per class
    match file:
        case shape.AddTouchpointFile():
            return _add(at, file, terms)
        case shape.RemoveTouchpointFile():
            return _remove(at, file, terms)
        case shape.ChangeShareFile():
            return _share(at, file, terms)
        case shape.RerouteFile():
            return _reroute(at, file, terms)
        case shape.ChangeDwellFile():
            return _dwell(at, file, terms)
        case shape.ChangeStaffFile():
            text, hours = file.open or ("", ())
            return ChangeStaff(file.change_staff, file.staff, text, hours, file.time_x, terms)
        case shape.AudienceFile():
            audience = file.audience
            return ChangeAudience(
                tuple(audience.personas.items()), tuple(audience.enter.items()), audience.arrivals, terms
            )
        case (
            shape.ChangeValueFile()
            | shape.ChangeCostFile()
            | shape.ChangePriceFile()
            | shape.ChangeEffortFile()
            | shape.ChangeFeelingFile()
        ):
            return _reward(at, file, terms)
        case _:
            return None


def _terms(file: ChangeFile) -> Terms:
    test = file.basis is not None and file.basis.test is not None
    basis = "test" if test else file.basis.word if file.basis is not None else "guess"
    reach = Fixed(1.0) if file.for_ is None else file.for_
    return Terms(file.personas, reach, file.starts, file.ramp, file.decay, basis)


def _add(at: _At, file: shape.AddTouchpointFile, terms: Terms) -> AddTouchpoint | None:
    if not file.on:
        at.needs("on", "application form -> offer call")
        return None
    point = described(at.source, file.add_touchpoint, file, at.path)
    divert = Fixed(1.0) if file.divert is None else file.divert
    if file.next is not None and file.dwell is not None:
        message = 'the dwell here is the time until the customer goes on; with "next:" each link states its own dwell'
        at.source.note("J059", message, (*at.path, "dwell"))
    return AddTouchpoint(point, file.on, divert, file.dwell or INSTANT, terms)


def _remove(at: _At, file: shape.RemoveTouchpointFile, terms: Terms) -> RemoveTouchpoint | None:
    if file.inflow is None:
        at.needs("inflow", "bypass (or redistribute, or lost): what becomes of those who would have come")
        return None
    return RemoveTouchpoint(file.remove_touchpoint, cast("Inflow", file.inflow), file.lost_to, terms)


def _share(at: _At, file: shape.ChangeShareFile, terms: Terms) -> AdjustShare | None:
    sizes = {"odds x": file.odds_x, "relative x": file.relative_x, "points": file.points, "set to": file.set_to}
    test = file.basis.test if file.basis is not None else None
    given = [how for how in SHARE_SIZES if sizes[how] is not None]
    if test is not None and not given:
        given = ["odds x"]
    how = _one_size(at, given, SHARE_SIZES, "odds x: 1.05 to 1.30")
    if how is None:
        return None
    size = _tested(at, file, sizes[how]) if test is not None and how == "odds x" else sizes[how]
    if size is None:
        return None
    return AdjustShare(*file.change_share, cast("ShareHow", how), size, _payer(at, file), terms)


def _tested(at: _At, file: shape.ChangeShareFile, prior: Quantity | None) -> Quantity | None:
    """Return the odds ratio a test informs, with the stated range as what was believed before."""
    test = file.basis.test if file.basis is not None else None
    if test is None or test.control is None or test.treated is None:
        message = "a test needs the counts of both groups: {test: {control: 41 of 510, treated: 58 of 498}}"
        at.source.note("J056", message, (*at.path, "basis"))
        return None
    if prior is not None and len(set(prior.ppf((0.05, 0.95)).tolist())) == 1:
        cure = "give the range you believed before the test, or leave it out"
        message = f"what was known for certain no test can change: {cure}"
        at.source.note("J056", message, (*at.path, "odds x"))
        return None
    return Trialled(test.control, test.treated, prior)


def _payer(at: _At, file: shape.ChangeShareFile) -> str | None:
    if file.paid_by is None:
        return None
    if file.paid_by[0] != file.change_share[0]:
        message = f'a share of "{file.change_share[0]}" can only be paid by another link of "{file.change_share[0]}"'
        at.source.note("J059", message, (*at.path, "paid by"))
    return file.paid_by[1]


def _one_size(
    at: _At, given: list[str] | list[ShareHow] | list[RewardHow], known: tuple[str, ...], example: str
) -> str | None:
    """Return the one size a change gives; none or several are noted."""
    if len(given) == 1:
        return given[0]
    listed = ", ".join(f'"{how}"' for how in known)
    if given:
        both = " and ".join(f'"{how}"' for how in given)
        at.source.note("J059", f"{both} are two sizes; a change has one of {listed}", (*at.path, given[1]))
    else:
        at.source.note("J059", f'by how much? give one of {listed}, for example "{example}"', at.path)
    return None


def _reroute(at: _At, file: shape.RerouteFile, terms: Terms) -> Reroute | None:
    if not file.to:
        at.needs("to", "video ID check")
    if file.part is None:
        at.needs("part", "30%")
    if not file.to or file.part is None:
        return None
    return Reroute(*file.reroute, file.to, file.part, terms)


def _dwell(at: _At, file: shape.ChangeDwellFile, terms: Terms) -> ScaleDwell | None:
    if file.times is None:
        at.needs("times", "0.5 to 0.8")
        return None
    source, _, target = _named(file.change_dwell).partition(" -> ")
    return ScaleDwell(source, target or None, file.times, terms)


def _named(text: str) -> str:
    """Return a place's name as it is, and a link in its one spelling."""
    return link_id(*link(text)) if ARROW.search(text) else text


def _reward(at: _At, file: RewardFile, terms: Terms) -> ChangeReward | None:
    what = next(name for name in ("value", "cost", "price", "effort", "feeling") if hasattr(file, f"change_{name}"))
    target = _named(getattr(file, f"change_{what}"))
    sizes: dict[str, Quantity | None] = {"set to": file.set_to, "times": file.times, "plus": file.plus}
    given = [how for how in REWARD_SIZES if sizes[how] is not None]
    how = _one_size(at, given, REWARD_SIZES, "times: 0.9")
    size = sizes[how] if how is not None else None
    elasticity, elastic = _elasticity(at, file)
    if how is None or size is None:
        return None
    return ChangeReward(cast("What", what), target, cast("RewardHow", how), size, elasticity, elastic, terms)


def _elasticity(at: _At, file: RewardFile) -> tuple[Quantity | None, tuple[str, str] | None]:
    """Return how strongly which link answers to a price or value; one without the other is noted."""
    if not isinstance(file, shape.ElasticChange):
        return None, None
    if (file.elasticity is None) is not (file.elasticity_on is None):
        message = '"elasticity" and "elasticity on" go together: how strongly which link answers to the price'
        at.source.note("J074", message, at.path)
    return file.elasticity, file.elasticity_on
