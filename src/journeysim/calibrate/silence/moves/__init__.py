"""Compiled: how chains of a touchpoint's exact posterior move, one after the other, each step accepted or refused.

    swap    a link's dwell, for all personas, becomes one of its proposal's draws
    rows    all shares: theta and kappa stay or are a draw of the surrogate, P_g from the Dirichlet that has the open
            spells spread as the shares of now spread them (what data augmentation would draw, without drawing it)
    pair    a link's dwell, and how it and one other link divide what they have: the dwell is a draw of its proposal, or
            a given one; the division is drawn given that dwell and all else, so that slow and gone may change places in
            one step
    scale   the share of a link nobody was seen to take, pooled and of every persona: small shares differ by factors
    pool    kappa and theta of such a link are new, drawn around where chains were, and every persona divides anew: with
            a large kappa all personas are alike and small shares are small together, a needle that no step leads into

Every proposal is independent of what it replaces or has an explicit density both ways, and is weighed on the exact
likelihood (Metropolis and Hastings). Arrays of one chain: theta (link,), shares (persona, link), rows (link,): the row of
the shelf where a link's P(longer than each open spell) stands.
"""

from journeysim.calibrate.silence.moves.state import Known, Plan, Shelf
from journeysim.calibrate.silence.moves.sweep import divide_all, sweep_all

__all__ = ["Known", "Plan", "Shelf", "divide_all", "sweep_all"]
