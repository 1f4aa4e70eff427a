"""Every model that is shipped, as worlds drawn from its own prior."""

from __future__ import annotations

from typing import Final

from journeysim.calibrate.dwells.doubt import POSSIBLE
from journeysim.calibrate.dwells.families import CANDIDATES
from validation.model import Model
from validation.models.arrivals import arrivals
from validation.models.doubt import family_chosen
from validation.models.dwells import family_given
from validation.models.entries import entries
from validation.models.frailty import chosen, kappa_given
from validation.models.frailty_silent import decided, with_dwells
from validation.models.memory import second_order, visit_effect
from validation.models.ratings import ratings
from validation.models.repeats import rates_of_customers
from validation.models.shares import one_persona, pooled
from validation.models.spells import Setting, spells
from validation.models.spend import spend
from validation.models.swings import layer_alone, whole
from validation.models.tenure import by_tenure
from validation.models.values import values

_EVERYBODY = "all customers"

_SHARES = (
    Model(
        "Shares, one persona",
        "Four links stated at 50, 30, 15 and 5 % by 8 customers; 3, 30 or 300 customers seen.",
        one_persona, maps=2, per_map=250,
    ),
    Model(
        "Shares, three personas",
        "The same links; 12, 300 and 60 customers, the last persona with a row of its own in the map.",
        pooled, maps=10, per_map=200,
    ),
    Model(
        "Entry and persona shares",
        "Two personas (80 and 20 %) and three first touchpoints (60, 30, 10 %) stated by 8 customers; 40 customers seen.",
        entries, maps=1, per_map=250,
    ),
)  # fmt: skip
_DWELLS = (
    *(Model(
        f"Dwell, {family.name.lower()}",
        "One link, the family given; personas of 6 and 60 customers, half of whom arrived within the last 6 days of the log "
        "(typical dwell 1.3 days, stated by 4 customers). Read from `fit_dwell`, since `calibrate` chooses the family itself.",
        family_given(family), maps=4, per_map=500,
    ) for family in CANDIDATES),
    Model(
        "Family of a dwell",
        "One link, 100 customers in 30 days of log (typical dwell 4 days, stated by 4 customers). The dwell is of one of the "
        "five families, or of none: a curve drawn from the prior of the quantiles. Ranked is what it is of, ties at random. "
        "(With hazards that followed the data, as they were, it was wrong: p = 1.4e-07.)",
        family_chosen, maps=3, per_map=200, counted=True,
    ),
)  # fmt: skip
_MEMORY = (
    Model(
        "Order 2",
        "Three links (50, 30 and 20 % stated by 8 customers) after four touchpoints, seen 200, 60, 20 and 5 times.",
        second_order, maps=4, per_map=200,
    ),
    Model(
        "Visit effect",
        "The same links after 0, 1, 2, and 3 or more earlier visits, seen 200, 80, 30 and 10 times.",
        visit_effect, maps=4, per_map=200,
    ),
)  # fmt: skip

_OPEN = "Two links stated at 62 and 38 %, with dwells of some days, by 8 customers; 300 customers in 30 days of log."
_SILENT = "The same links at 50 and 30 %, and 20 % who leave without an event; 1,000 customers in 60 days of log."
_SPELLS = (
    Model(
        "Open spells, family told", f"{_OPEN} All dwells of a map are of one family, and `calibrate` is told which.",
        spells(Setting({_EVERYBODY: 300}, 30.0, silent=False, told=True)), maps=5, per_map=40,
    ),
    Model(
        "Open spells, family chosen",
        f"{_OPEN} Each dwell is of one of the five families, or of none: a curve drawn from the prior of the quantiles. "
        "`calibrate` has to find out.",
        spells(Setting({_EVERYBODY: 300}, 30.0, silent=False, told=False, possible=POSSIBLE)), maps=12, per_map=10,
    ),
    Model(
        "Silent exits, family told", f"{_SILENT} All dwells of a map are of one family, and `calibrate` is told which.",
        spells(Setting({_EVERYBODY: 1000}, 60.0, silent=True, told=True)), maps=5, per_map=30,
    ),
    Model(
        "Silent exits, family chosen", f"{_SILENT} Each dwell is of one of the five families, and `calibrate` has to find out.",
        spells(Setting({_EVERYBODY: 1000}, 60.0, silent=True, told=False)), maps=12, per_map=10,
    ),
    Model(
        "Silent exits, two personas, family told", f"{_SILENT} Personas of 1,000 and 200 customers.",
        spells(Setting({"many": 1000, "few": 200}, 60.0, silent=True, told=True)), maps=1, per_map=40,
    ),
)  # fmt: skip
_LAYERS = (
    Model(
        "Customers who differ",
        "A touchpoint to which customers come back (60 %) until they buy or leave; 150 customers of up to 30 visits. That they "
        "differ is taken for granted.",
        kappa_given, maps=3, per_map=80,
    ),
    Model(
        "Customers who differ, if it predicts better", "The same worlds; `calibrate` decides whether they differ.",
        chosen, maps=3, per_map=80,
    ),
    Model(
        "Customers who differ, some leaving silently",
        "300 customers come back to a touchpoint (50 %), buy, or leave without an event (20 %), in 60 days of log, with dwells "
        "of some days. All dwells of a map are of one family, and `calibrate` is told which. That they differ is taken for "
        "granted.",
        with_dwells, maps=10, per_map=12,
    ),
    Model(
        "Customers who differ, some leaving silently, if it predicts better",
        "The same worlds; `calibrate` decides whether they differ.",
        decided, maps=10, per_map=12,
        fault="customers who hardly differ are taken for alike, and all visits together are more loyal than a new customer",
    ),
    Model(
        "Customers who repeat and leave in silence",
        "300 customers who entered within the last 100 days (typical dwell 10 days), at rates and shares of leaving of their "
        "own. That they differ is taken for granted.",
        rates_of_customers, maps=3, per_map=100,
    ),
    Model(
        "Shares by tenure",
        "Four links; 100 visits in the first 30 days of the journey, 12 later ones; the map has a row of its own for the first.",
        by_tenure, maps=1, per_map=200,
    ),
    Model(
        "Value of a visit",
        "120 visits to a touchpoint, whose value is stated at 40 +- 30 by 8 customers; a chance of zero below 90 %, else "
        "log-normal or gamma, which `calibrate` has to find out.",
        values, maps=3, per_map=80,
    ),
    Model(
        "Customers who differ in what they spend",
        "200 customers with one payment or more (again with 60 %), gamma about an average of their own, and averages differ as "
        "an inverse gamma; all three parameters are drawn from the prior.",
        spend, maps=6, per_map=100,
    ),
    Model(
        "Ratings",
        "Answers from 1 to 5 in 80 cells of 5 that differ in wait, days late (a fifth unknown), touchpoint and persona; lateness "
        "acts in proportion. The density is drawn by importance here; that NUTS draws from the same one is a test of its own.",
        ratings, maps=6, per_map=100,
    ),
    Model(
        "Arrivals per day",
        "90 days, stated at 20 +- 8 a day; a weekly season, in half of the worlds a trend, in half of them overdispersed.",
        arrivals, maps=12, per_map=50,
    ),
    Model(
        "Weeks that swing",
        "Ten links that expect 10 to 300 moves a week, over ten weeks whose hazards swing, for long and for a week, as the prior "
        "has it.",
        layer_alone, maps=4, per_map=100,
    ),
    Model(
        "Weeks that swing, calibrated",
        "1,800 customers over eleven weeks at two touchpoints with three links that swing so, and whose days differ (0.2 of the "
        "hazard on each last day of a week, 1.5 on each first); calibrated on the first ten, the moves of the eleventh foretold "
        "with entrants known.",
        whole, maps=2, per_map=60,
    ),
)  # fmt: skip

MODELS: Final = (*_SHARES, *_DWELLS, *_MEMORY, *_SPELLS, *_LAYERS)
