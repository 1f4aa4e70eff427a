"""The account of a log's rows: read, used and set aside, for people and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from journeysim.cli.screen import counted, say

if TYPE_CHECKING:
    from rich.table import Table

    from journeysim.model.log_account import LogAccount, Weighting


def say_account(name: str, account: LogAccount) -> None:
    """Write the table of rows, which adds up to those read, and what else a reader should know about the log."""
    from journeysim.cli.table import show_table

    say(
        f"{name}: {counted(account.read, 'row')}, {counted(account.customers, 'customer')}, recorded until {account.cut_off} UTC"
    )
    say(
        f"  {counted(account.single, 'customer')} with a single event, {account.open:,} still on the way at the end of the log"
    )
    if account.weighting is not None:
        say(f"  {_weighted(account.weighting)}")
    show_table(_table(account))
    for item in account.moves_set_aside:
        say(f"  {item.rows:,} not counted: {item.reason}")
    if account.sampled is not None:
        part = f"{account.sampled:,} of them, chosen by hashed id"
        say(f"  shares and dwell rest on all customers; all else was learned from {part}")


def _weighted(weighting: Weighting) -> str:
    if weighting.copies:
        return (
            "weights are whole numbers and taken for copies: every customer counts as so many alike ones, "
            f"{weighting.stand_for:,.0f} in all (are they those of a sample? divide them by their mean)"
        )
    return (f"weights make them a sample: they stand for {weighting.stand_for:,.0f} customers, and are worth "
            f"{weighting.worth:,.0f} unweighted ones")  # fmt: skip


def _table(account: LogAccount) -> Table:
    from rich.markup import escape
    from rich.table import Table

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    examples = "for example" if any(item.examples for item in account.rows_set_aside) else ""
    for name in ("rows", "", examples):
        made.add_column(name, justify="right" if name == "rows" else "left")
    made.add_row(f"{account.used:,}", "used", "")
    for item in account.rows_set_aside:
        made.add_row(f"{item.rows:,}", escape(f"set aside: {item.reason}"), escape(", ".join(item.examples)))
    made.add_row(f"{account.read:,}", "read", "")
    return made


def account_document(account: LogAccount) -> dict[str, object]:
    """Return the account as JSON values."""
    return {
        "read": account.read,
        "used": account.used,
        "set_aside": [
            {"reason": item.reason, "count": item.rows, "of": f"{item.what}s", "examples": list(item.examples)}
            for item in account.set_aside
        ],
        "customers": account.customers,
        "single_event_customers": account.single,
        "open_journeys": account.open,
        "cut_off": account.cut_off,
        "sampled_customers": account.sampled,
        "weights": None
        if account.weighting is None
        else {
            "copies": account.weighting.copies,
            "customers": account.weighting.stand_for,
            "worth": account.weighting.worth,
        },
        "warnings": [{"code": item.code, "message": item.message} for item in account.warnings],
    }
