"""Valid journeys and scenarios for property tests: every value they build passes all checks without an error."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import strategies as st

from journeysim.files.phrases import weekly_hours
from journeysim.model.changes import (
    AddTouchpoint,
    AdjustShare,
    Change,
    ChangeAudience,
    ChangeReward,
    Reroute,
    ScaleDwell,
    Terms,
)
from journeysim.model.dwell import INSTANT, Dwell, Family
from journeysim.model.journey import (
    ALWAYS,
    CONFIDENCE,
    NOTHING,
    ZERO,
    Balking,
    JourneyMap,
    Link,
    Outcome,
    Persona,
    Resource,
    Reward,
    Row,
    Staffing,
    Tenure,
    Touchpoint,
)
from journeysim.model.quantity import Counts, Fixed, Moments, Named, Quantiles, Quantity, Range, Scale
from journeysim.model.scenario import Investment, Money, Proposal, Scenario

RESERVED = {"rest", "(enter)", "(open)", "<<"}
AWKWARD = ["no", "null", "010", "12:30", "a: b", "# x", "'", '"', "é", "1", "[x]", "*a", "on", "true", "x\\y"]
KINDS = ["current state", "future state", "day in the life", "service blueprint"]
HOURS = [
    "",
    "Mon-Fri 08:00-20:00",
    "Sat 09:00-13:30",
    "Mon-Sun 00:00-24:00",
    "Mon-Fri 08:00-12:00, Mon-Thu 13:00-17:00",
]


def names(count: int) -> st.SearchStrategy[list[str]]:
    """Return lists of different names, some of them awkward to write."""
    word = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12).map(str.strip) | st.sampled_from(
        AWKWARD
    )
    allowed = word.filter(lambda name: bool(name) and "→" not in name and " -> " not in name)
    return st.lists(allowed.filter(lambda name: name not in RESERVED), min_size=count, max_size=count, unique=True)


def texts() -> st.SearchStrategy[str]:
    """Return short texts as people might write them, empty ones included."""
    return st.just("") | st.text(max_size=20).map(str.strip)


def numbers(low: float = 1e-3, high: float = 1e5) -> st.SearchStrategy[float]:
    """Return positive numbers, round and not."""
    return st.integers(1, 100).map(float) | st.floats(low, high)


@st.composite
def uncertain(  # noqa: PLR0911 - one return per form
    draw: st.DrawFn, sizes: st.SearchStrategy[float], scale: Scale | None = None
) -> Quantity:
    """Return a quantity of any form, on `scale`, or on the one that its numbers suggest."""
    form = draw(
        st.sampled_from(["fixed", "fixed", "range", "moments", "quantiles", "lognormal", "uniform", "triangular"])
    )
    low, middle, high = sorted(draw(st.lists(sizes, min_size=3, max_size=3, unique=True)))
    on = scale or (Scale.POSITIVE if low > 0 else Scale.REAL)
    match form:
        case "range":
            return Range(low, high, on)
        case "moments" if abs(high) > 1e-9:
            return Moments(high, draw(st.floats(0.01, 0.3)) * abs(high), scale or _scale_of(high))
        case "quantiles":
            return Quantiles(low, middle, high, on)
        case "lognormal" if low > 0:
            return Named("lognormal", (low, draw(st.floats(0.0, 1.5))))
        case "uniform":
            return Named("uniform", (low, high))
        case "triangular":
            return Named("triangular", (low, middle, high))
    return Fixed(low)


def _scale_of(value: float) -> Scale:
    return Scale.POSITIVE if value > 0 else Scale.REAL


def sums(*, negative: bool = False) -> st.SearchStrategy[Quantity]:
    """Return sums of money (per visit or per day), also below zero on request."""
    return uncertain(st.floats(-1e4, 1e4).map(lambda size: round(size, 3)) if negative else numbers())


def staffings(staff: list[str], outcomes: list[str], personas: list[str]) -> st.SearchStrategy[Staffing]:
    """Return who serves a touchpoint, with every setting of waiting."""
    return st.builds(
        Staffing,
        st.sampled_from(staff),
        st.none() | dwells(),
        st.none() | dwells(),
        st.sampled_from(outcomes),
        st.sampled_from([0.0, 1.0, 2.5]),
        st.just(()),
        st.none() | st.builds(Balking, st.sampled_from([0.25, 1.0]), st.integers(0, 9)),
        st.sampled_from([0.0, 0.5]),
        st.sampled_from([0.0, 0.2, 1.5]),
    ) | st.builds(
        lambda name, time, end, persona: Staffing(name, time, None, end, priority_by_persona=((persona, 2.0),)),
        st.sampled_from(staff),
        dwells(),
        st.sampled_from(outcomes),
        st.sampled_from(personas),
    )


@st.composite
def resources(draw: st.DrawFn, name: str, text: str) -> Resource:
    """Return a resource with these opening hours and any queue."""
    hours = weekly_hours(text) if text else ALWAYS
    return Resource(
        name, draw(uncertain(numbers())), text, sum(end - start for start, end in hours), hours,
        draw(st.sampled_from([(), ("2027-01-01", "2027-12-24")])),
        draw(st.sampled_from(["first come", "last come", "priority", "random"])),
        draw(st.just(float("inf")) | st.integers(0, 50).map(float)),
    )  # fmt: skip


@st.composite
def rewards(draw: st.DrawFn) -> Reward:
    """Return sums per visit; a spread stands beside certain and ranged means."""
    mean = draw(st.just(ZERO) | sums())
    spread = draw(st.just(0.0) | numbers()) if isinstance(mean, Fixed | Range) else 0.0
    return Reward(mean, spread)


def times() -> st.SearchStrategy[float]:
    """Return times in days: round in some unit, or not."""
    units = [1.0, 7.0, 1 / 24, 1 / 1440, 1 / 86400]
    return st.builds(lambda n, unit: n * unit, st.integers(1, 90), st.sampled_from(units)) | st.floats(1e-6, 1e3)


@st.composite
def dwells(draw: st.DrawFn) -> Dwell:
    """Return dwells of every family, certain and uncertain."""
    family = draw(st.sampled_from(Family))
    if family is Family.FIXED:
        return draw(st.just(INSTANT) | st.builds(Dwell, st.just(family), uncertain(times(), Scale.POSITIVE)))
    if family is Family.EMPIRICAL:
        chances = [0.0, *sorted(draw(st.lists(st.floats(0.01, 0.99), max_size=3, unique=True))), 1.0]
        days = sorted(draw(st.lists(times(), min_size=len(chances), max_size=len(chances))))
        return Dwell(family, Fixed(1.0), quantiles=tuple(zip(chances, days, strict=True)))
    scale = draw(uncertain(times(), Scale.POSITIVE))
    if family is Family.EXPONENTIAL:
        return Dwell(family, scale)
    return Dwell(family, scale, draw(st.floats(0.2, 5.0).map(Fixed) | uncertain(st.floats(0.2, 5.0))))


@st.composite
def parts(draw: st.DrawFn, count: int) -> list[Quantity]:
    """Return `count` certain shares that add up to 100 %, none of them zero."""
    weights = draw(st.lists(st.integers(1, 1000), min_size=count, max_size=count))
    return [Fixed(weight / sum(weights)) for weight in weights]


@st.composite
def row_shares(draw: st.DrawFn, count: int) -> list[Quantity | None]:
    """Return shares of a row: certain, or small uncertain ones with a rest."""
    certain = draw(parts(count))
    if count == 1 or draw(st.booleans()):
        return list(certain)
    shares: list[Quantity | None] = list(certain)
    shares[draw(st.integers(0, count - 1))] = None
    if draw(st.booleans()):
        at = next(k for k, share in enumerate(shares) if share is not None)
        shares = [share if k == at or share is None else Fixed(share.mean * 0.4) for k, share in enumerate(shares)]
        small = st.floats(0.05, 0.2)
        beta = st.builds(lambda a: Named("beta", (a, 9.0)), st.floats(0.5, 2.0))
        counts = st.integers(0, 30).map(lambda k: Counts(float(k), 100.0))
        shares[at] = draw(uncertain(small, Scale.SHARE).filter(lambda size: size.ppf(1 - 1e-6) < 1) | beta | counts)
    return shares


@st.composite
def links(draw: st.DrawFn, places: list[str], outcomes: list[str], stated: dict[str, Dwell]) -> tuple[Link, ...]:
    """Return a row with at least one outcome, so that nobody is trapped.

    `stated` keeps the first dwell of each target: a link has one family in all rows.
    """
    others = draw(st.lists(st.sampled_from(places), max_size=3, unique=True))
    targets = draw(st.permutations(list(dict.fromkeys([draw(st.sampled_from(outcomes)), *others]))))
    shares = draw(row_shares(len(targets)))
    money = st.just(NOTHING) | rewards()
    return tuple(
        Link(
            target,
            share,
            draw(_like(stated.setdefault(target, draw(dwells())))),
            draw(money),
            draw(money),
            sensitivity=draw(st.just(ZERO) | st.floats(-3, 3).map(Fixed)),
        )
        for target, share in zip(targets, shares, strict=True)
    )


def _like(dwell: Dwell) -> st.SearchStrategy[Dwell]:
    """Return the same dwell, or one of its family with another scale."""
    if dwell.family is Family.EMPIRICAL:
        return st.just(dwell)
    return st.just(dwell) | times().map(lambda scale: replace(dwell, scale=Fixed(scale)))


@st.composite
def rows(draw: st.DrawFn, places: list[str], outcomes: list[str], stated: dict[str, Dwell]) -> Row:
    """Return what a persona or tenure period changes, maybe nothing."""
    maybe = st.none()
    return Row(
        links=draw(maybe | links(places, outcomes, stated)),
        value=draw(maybe | rewards()),
        cost=draw(maybe | rewards()),
        value_per_day=draw(maybe | sums(negative=True)),
        cost_per_day=draw(maybe | sums()),
        effort=draw(maybe | uncertain(numbers())),
        feeling=draw(maybe | st.floats(-1, 1).map(Fixed)),
    )


@st.composite
def touchpoints(
    draw: st.DrawFn,
    name: str,
    places: list[str],
    outcomes: list[str],
    personas: list[str],
    stages: list[str],
    staff: list[str],
) -> Touchpoint:
    """Return a touchpoint with anything a touchpoint may have."""
    lists = st.lists(st.text(max_size=12).map(str.strip), max_size=2).map(tuple)
    own = draw(st.lists(st.sampled_from(personas), max_size=2, unique=True))
    ends = sorted(draw(st.lists(times(), max_size=2, unique=True)))
    staffing = staffings(staff, outcomes, personas) if staff else st.none()
    stated: dict[str, Dwell] = {}
    return Touchpoint(
        name=name,
        links=draw(links(places, outcomes, stated)),
        stage=draw(st.sampled_from(["", *stages])),
        seen=draw(st.sampled_from([*CONFIDENCE.values(), 240.0, 0.5])),
        basis=draw(st.sampled_from(list(CONFIDENCE))),
        conversion=draw(st.booleans()),
        value=draw(rewards()),
        cost=draw(rewards()),
        value_per_day=draw(st.just(ZERO) | sums()),
        cost_per_day=draw(st.just(ZERO) | sums(negative=True)),
        effort=draw(st.just(ZERO) | uncertain(numbers())),
        feeling=draw(st.just(ZERO) | st.floats(-1, 1).map(Fixed)),
        feeling_spread=draw(st.just(0.0) | st.floats(0.01, 1)),
        by_persona=tuple((persona, draw(rows(places, outcomes, stated))) for persona in own),
        by_tenure=tuple(Tenure(end, draw(rows(places, outcomes, stated))) for end in ends),
        staffed_by=draw(st.none() | staffing),
        channel=draw(texts()),
        owner=draw(texts()),
        goal=draw(texts()),
        action=draw(texts()),
        thought=draw(texts()),
        pain_points=draw(lists),
        opportunities=draw(lists),
        root_causes=draw(lists),
        solutions=draw(lists),
        moment_of_truth=draw(st.booleans()),
        magic_moment=draw(st.booleans()),
        backstage=draw(st.booleans()),
    )


@st.composite
def outcomes_of(draw: st.DrawFn, name: str, personas: list[str]) -> Outcome:
    """Return an outcome."""
    own = draw(st.lists(st.sampled_from(personas), max_size=2, unique=True))
    row = st.builds(Row, value=st.none() | rewards(), cost=st.none() | rewards())
    return Outcome(
        name=name,
        conversion=draw(st.booleans()),
        churn=draw(st.booleans()),
        after_conversion=draw(st.booleans()),
        silent=draw(st.booleans()),
        value=draw(rewards()),
        cost=draw(rewards()),
        by_persona=tuple((persona, draw(row)) for persona in own),
    )


@st.composite
def entries(draw: st.DrawFn, places: list[str]) -> tuple[tuple[str, Quantity], ...]:
    """Return where customers enter."""
    doors = draw(st.lists(st.sampled_from(places), min_size=1, max_size=3, unique=True))
    return tuple(zip(doors, draw(parts(len(doors))), strict=True))


@st.composite
def journeys(draw: st.DrawFn, *, most_touchpoints: int = 4) -> JourneyMap:
    """Return valid journey maps with up to `most_touchpoints` touchpoints and everything a map may hold."""
    points, ends = draw(st.integers(1, most_touchpoints)), draw(st.integers(1, 3))
    every = draw(names(points + ends))
    places, outcomes = every[:points], every[points:]
    personas = draw(st.integers(1, 3).flatmap(names))
    staff = draw(st.integers(0, 2).flatmap(names))
    stages = draw(st.integers(0, 3).flatmap(names))
    hours = {name: draw(st.sampled_from(HOURS)) for name in staff}
    by_persona = draw(st.lists(st.sampled_from(personas), max_size=2, unique=True))
    return JourneyMap(
        name=draw(names(1))[0],
        touchpoints=tuple(draw(touchpoints(name, places, outcomes, personas, stages, staff)) for name in places),
        outcomes=tuple(draw(outcomes_of(name, personas)) for name in outcomes),
        entry=draw(entries(places)),
        personas=tuple(
            Persona(name, share, draw(texts()), draw(st.just(ZERO) | st.floats(-1, 1).map(Fixed)))
            for name, share in zip(personas, draw(parts(len(personas))), strict=True)
        ),
        stages=tuple(stages),
        entry_by_persona=tuple((persona, draw(entries(places))) for persona in by_persona),
        seen_entry=draw(st.sampled_from([CONFIDENCE["guess"], 3179.0])),
        arrivals_per_day=draw(st.none() | uncertain(numbers(), Scale.POSITIVE)),
        resources=tuple(draw(resources(name, text)) for name, text in hours.items()),
        currency=draw(st.sampled_from(["EUR", "USD", "CHF"])),
        kind=draw(st.sampled_from(KINDS)),
        about=draw(texts()),
        wished=tuple(draw(st.integers(0, 2).flatmap(names))),
    )


def terms(personas: tuple[str, ...]) -> st.SearchStrategy[Terms]:
    """Return whom a change reaches and when."""
    return st.builds(
        Terms,
        personas=st.just(()) | st.sampled_from(personas).map(lambda persona: (persona,)),
        reach=st.sampled_from([Fixed(1.0), Fixed(0.7)]),
        start=st.sampled_from([0.0, 30.4375]),
        basis=st.sampled_from(["guess", "expert", "analogue"]),
    )


@st.composite
def changes(draw: st.DrawFn, journey: JourneyMap) -> Change:
    """Return a change that has an effect on the map and leaves shares in [0, 1]."""
    point = draw(st.sampled_from(journey.touchpoints))
    link = draw(st.sampled_from(point.links))
    term = draw(terms(journey.persona_names))
    factor = st.floats(0.5, 2.0).map(Fixed) | st.just(Range(0.8, 1.25, Scale.POSITIVE))
    match draw(st.sampled_from(["share", "dwell", "cost", "reroute", "add", "audience"])):
        case "share" if len(point.links) > 1:
            return AdjustShare(point.name, link.target, "odds x", draw(factor), terms=term)
        case "dwell":
            return ScaleDwell(point.name, draw(st.none() | st.just(link.target)), draw(factor), term)
        case "reroute":
            to = draw(st.sampled_from(journey.place_names))
            return Reroute(point.name, link.target, to, Fixed(draw(st.floats(0.1, 0.9))), term)
        case "add":
            name = draw(names(1).map(lambda found: found[0]).filter(lambda name: name not in journey.place_names))
            return AddTouchpoint(Touchpoint(name, ()), ((point.name, link.target),), dwell=draw(dwells()), terms=term)
        case "audience" if journey.arrivals_per_day is not None:
            return ChangeAudience(arrivals=draw(factor), terms=term)
    return ChangeReward("cost", point.name, "times", draw(factor), terms=term)


@st.composite
def scenarios(draw: st.DrawFn, *, most_touchpoints: int = 3) -> Scenario:
    """Return valid scenarios: a journey, up to two proposals of one or two changes, money and a seed."""
    journey = draw(journeys(most_touchpoints=most_touchpoints))
    titles = draw(st.integers(0, 2).flatmap(names))
    return Scenario(
        name="scenario",
        journey=journey,
        proposals=tuple(draw(_proposals(name, journey)) for name in titles),
        horizon=draw(st.sampled_from([30.0, 365.25])),
        money=Money(0.08, 0.04, 730.5, journey.currency),
        seed=draw(st.integers(0, 2**32)),
        draws=draw(st.integers(1, 50)),
    )


@st.composite
def _proposals(draw: st.DrawFn, name: str, journey: JourneyMap) -> Proposal:
    found = draw(st.lists(changes(journey), min_size=1, max_size=2))
    added = [change.touchpoint.name for change in found if isinstance(change, AddTouchpoint)]
    chosen = found[:1] if any(a == b for a, b in pairwise(added)) else found
    invest = Investment(Fixed(draw(numbers())), Fixed(draw(numbers())))
    return Proposal(name, tuple(chosen), draw(st.sampled_from([(1.0,), (0.25, 0.5, 1.0)])), invest)
