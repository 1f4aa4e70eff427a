"""From the settings of a touchpoint to its value: rows of links, rewards, staffing."""

from __future__ import annotations

from dataclasses import replace

from journeysim.files.journey_shape import (
    ALL,
    LinkFile,
    RowSettings,
    StaffingFile,
    TenureFile,
    TouchpointFile,
    TouchpointSettings,
)
from journeysim.files.reading import Source
from journeysim.files.yaml_positions import Steps
from journeysim.model.journey import CONFIDENCE, NOTHING, ZERO, Link, Row, Staffing, Tenure, Touchpoint
from journeysim.model.seasons import Season

Links = tuple[Link, ...]


def links_of_file(links: dict[str, LinkFile] | None, base: Links = ()) -> Links | None:
    """Return a row of links in the file's order; None when the file gives none.

    What a link leaves out (dwell, value, cost, sensitivity, season) it takes from the link of `base` to the same target, if
    there is one.
    """
    if links is None:
        return None
    known = {link.target: link for link in base}
    return tuple(_link(target, item, known.get(target, Link(target, None))) for target, item in links.items())


def _link(target: str, item: LinkFile, base: Link) -> Link:
    return Link(
        target,
        item.share,
        item.dwell or base.dwell,
        item.value or base.value,
        item.cost or base.cost,
        sensitivity=item.sensitivity if item.sensitivity is not None else base.sensitivity,
        season=base.season if item.season is None else Season(item.season.odds_x, item.season.dwell_x),
    )


def row_of_file(source: Source, row: RowSettings, path: Steps, base: Links) -> Row:
    """Return what a persona or tenure period changes at a touchpoint whose own links are `base`."""
    if row.feeling is not None and row.feeling[1]:
        message = "the spread of a feeling is stated once, at the touchpoint; leave out (sd …) here"
        source.note("J020", message, (*path, "feeling"))
    return Row(
        links=links_of_file(row.next, base),
        value=row.value,
        cost=row.cost,
        value_per_day=row.fee,
        cost_per_day=row.upkeep,
        effort=row.effort,
        feeling=row.feeling[0] if row.feeling is not None else None,
    )


def described(source: Source, name: str, item: TouchpointSettings, path: Steps) -> Touchpoint:
    """Return a touchpoint without what differs by persona and tenure."""
    mean, spread = item.feeling or (ZERO, 0.0)
    seen = item.seen if item.seen is not None else CONFIDENCE[item.confidence or "guess"]
    return Touchpoint(
        name=name,
        links=links_of_file(item.next) or (),
        stage=item.stage,
        seen=seen,
        basis=item.confidence or ("measured" if item.seen is not None else "guess"),
        conversion=item.conversion,
        value=item.value or NOTHING,
        cost=item.cost or NOTHING,
        value_per_day=item.fee or ZERO,
        cost_per_day=item.upkeep or ZERO,
        effort=item.effort or ZERO,
        feeling=mean,
        feeling_spread=spread,
        staffed_by=_staffing(source, item.staffed_by, (*path, "staffed by")),
        channel=item.channel,
        owner=item.owner,
        goal=item.goal,
        action=item.action,
        thought=item.thought,
        pain_points=item.pain_points,
        opportunities=item.opportunities,
        root_causes=item.root_causes,
        solutions=item.solutions,
        moment_of_truth=item.moment_of_truth,
        magic_moment=item.magic_moment,
        backstage=item.backstage,
    )


def touchpoint(source: Source, name: str, item: TouchpointFile) -> Touchpoint:
    """Return a touchpoint of the map."""
    path: Steps = ("touchpoints", name)
    base = described(source, name, item, path)
    by_persona = tuple(
        (persona, row_of_file(source, row, (*path, "personas", persona), base.links))
        for persona, row in item.personas.items()
    )
    by_tenure = [_tenure(source, period, (*path, "tenure", k), base.links) for k, period in enumerate(item.tenure)]
    return replace(
        base,
        by_persona=by_persona,
        by_tenure=tuple(period for period in by_tenure if period is not None),
    )


def _tenure(source: Source, period: TenureFile, path: Steps, base: Links) -> Tenure | None:
    if period.until is None:
        source.note("J013", 'until when does this hold? write for example "until: 2 years"', path)
        return None
    return Tenure(period.until, row_of_file(source, period, path, base))


def _staffing(source: Source, staffing: StaffingFile | None, path: Steps) -> Staffing | None:
    if staffing is None:
        return None
    stated = staffing.model_fields_set
    if staffing.resource is None or "time" not in stated:
        missing = "resource" if staffing.resource is None else "time"
        source.note("J013", f'"staffed by" needs "{missing}"', path)
        return None
    by_persona = dict(staffing.priority)
    return Staffing(
        resource=staffing.resource,
        time=staffing.time,
        patience=staffing.patience,
        gives_up_to=staffing.gives_up_to,
        priority=by_persona.pop(ALL, 0.0),
        priority_by_persona=tuple(by_persona.items()),
        balks=staffing.balks,
        called_back=staffing.called_back,
        waiting_feels=-staffing.waiting_feels if staffing.waiting_feels else 0.0,
    )
