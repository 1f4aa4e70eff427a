"""Build the loan-application transition table from the raw event log.

The log is BPI Challenge 2012 (4TU.ResearchData); see README.md beside this file for its source, for what each touchpoint
means and for what the table leaves out. Only the aggregate written here ships with the project, never the log.

    python build.py FOLDER_OF_THE_RAW_DATA transitions.csv

Every row of the log is accounted for: the summary on standard output adds up to the rows that were read.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import duckdb

OUTCOMES = ("approved", "declined", "cancelled")
SMALL_LOAN_LIMIT_EUR = 10_000
"""The median amount asked for, and a round one; those who ask for exactly this much fare like those who ask for less."""

LINK_MIN_CUSTOMERS = 4
LINK_MIN_SHARE = 0.001
"""A link below either of these is rare: the applications that take it are set aside whole, so that flows still add up."""

BIN_COUNT = 116
FIRST_EDGE_DAYS = 1 / 86_400
LAST_EDGE_DAYS = 200.0

EVENT_COLUMNS = ("customer", "touchpoint", "lifecycle", "timestamp", "resource")
CUSTOMER_COLUMNS = ("customer", "reg_date", "amount_requested")

ACTIVITIES = [
    "A_SUBMITTED",
    "A_PARTLYSUBMITTED",
    "A_PREACCEPTED",
    "A_ACCEPTED",
    "A_FINALIZED",
    "A_APPROVED",
    "A_REGISTERED",
    "A_ACTIVATED",
    "A_DECLINED",
    "A_CANCELLED",
    "O_SELECTED",
    "O_CREATED",
    "O_SENT",
    "O_SENT_BACK",
    "O_ACCEPTED",
    "O_CANCELLED",
    "O_DECLINED",
    "W_Afhandelen_leads",
    "W_Completeren_aanvraag",
    "W_Nabellen_offertes",
    "W_Nabellen_incomplete_dossiers",
    "W_Valideren_aanvraag",
    "W_Beoordelen_fraude",
    "W_Wijzigen_contractgegevens",
]
"""What the log may hold; anything else is set aside and counted."""

IN_LOG_ORDER = "(PARTITION BY customer ORDER BY happened, line)"
BEFORE = "(PARTITION BY customer ORDER BY happened, line ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
SO_FAR = "(PARTITION BY customer ORDER BY happened, line ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"


def main(arguments: list[str] | None = None) -> int:
    """Read the raw log, write the transition table, say what was kept and what was set aside."""
    parser = argparse.ArgumentParser(description="Build the loan-application transition table.")
    parser.add_argument("raw_data", type=Path, help="folder with events.csv.gz and customers.csv.gz")
    parser.add_argument("output", type=Path, help="transition table to write (CSV)")
    options = parser.parse_args(arguments)

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    read_log(connection, options.raw_data)
    label_events(connection)
    fold_repeats(connection)
    set_rare_links_aside(connection)
    write_transitions(connection, options.output)
    sys.stdout.write(summary(connection))
    return 0


def read_log(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Make `event` and `application`: typed rows in log order, each event with the reason it is set aside, if any.

    Columns are named and typed here, not guessed, so a ragged row stops the build and identifiers stay text.
    """
    connection.execute(f"""
        CREATE TABLE application AS
        SELECT customer, try_cast(amount_requested AS DOUBLE) AS amount_eur,
               CASE WHEN amount_eur <= {SMALL_LOAN_LIMIT_EUR} THEN 'small loans' ELSE 'large loans' END AS persona
        FROM {csv_source(folder / "customers.csv.gz", CUSTOMER_COLUMNS)}
    """)
    require_none(connection, "no amount", "SELECT count(*) FROM application WHERE amount_eur IS NULL")
    require_none(connection, "listed twice", "SELECT count(*) - count(DISTINCT customer) FROM application")
    connection.execute(f"""
        CREATE TABLE event AS
        WITH numbered AS (
            SELECT row_number() OVER () AS line, customer, replace(touchpoint, ' ', '_') AS activity, lifecycle,
                   try_cast(timestamp AS TIMESTAMPTZ) AS happened
            FROM {csv_source(folder / "events.csv.gz", EVENT_COLUMNS)}
        ), copies AS (
            SELECT *, row_number() OVER (PARTITION BY customer, activity, lifecycle, happened ORDER BY line) AS copy
            FROM numbered
        )
        SELECT * EXCLUDE (copy), CASE
            WHEN happened IS NULL THEN 'time cannot be read'
            WHEN NOT list_contains({ACTIVITIES}, activity) THEN 'unknown activity'
            WHEN customer NOT IN (SELECT customer FROM application) THEN 'application has no amount'
            WHEN copy > 1 THEN 'exact copy of a row'
        END AS set_aside
        FROM copies
    """)


def csv_source(path: Path, columns: tuple[str, ...]) -> str:
    """Return SQL that reads a CSV file with exactly these columns, all as text, in the order of its rows."""
    types = dict.fromkeys(columns, "VARCHAR")
    file = path.as_posix().replace("'", "''")
    return f"read_csv('{file}', header=true, delim=',', quote='\"', auto_detect=false, parallel=false, columns={types})"


def require_none(connection: duckdb.DuckDBPyConnection, what: str, query: str) -> None:
    """Stop the build if the query counts anything: these cases do not occur in the source, so no rule treats them."""
    (found,) = connection.execute(query).fetchone()
    if found:
        raise SystemExit(f"{found} applications with this fault: {what}. The source has none, so this is another log")


def label_events(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `labelled`: each event with the touchpoint or outcome that it brings the customer to, or why it brings none.

    The outcome is the first approved, declined or cancelled state; whatever the log holds after it is housekeeping.
    """
    connection.execute(f"""
        CREATE TABLE labelled AS
        WITH context AS (
            SELECT *,
                count(*) FILTER (activity = 'O_SENT') OVER so_far AS offers,
                count(*) FILTER (activity = 'O_SENT_BACK') OVER so_far AS papers_back,
                max(happened) FILTER (activity = 'O_SENT') OVER so_far AS last_offer_at,
                lead(activity) OVER log_order AS next_activity,
                max(happened) FILTER (lifecycle = 'COMPLETE') OVER same_work_before AS last_work_end,
                count(*) FILTER (activity IN ('A_APPROVED', 'A_REGISTERED', 'A_ACTIVATED', 'A_DECLINED', 'A_CANCELLED'))
                    OVER before > 0 AS after_outcome
            FROM event WHERE set_aside IS NULL
            WINDOW log_order AS {IN_LOG_ORDER}, so_far AS {SO_FAR}, before AS {BEFORE},
                   same_work_before AS (PARTITION BY customer, activity ORDER BY happened, line
                                        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        )
        SELECT customer, line, happened, CASE
            WHEN after_outcome THEN NULL
            WHEN activity = 'A_SUBMITTED' THEN 'application form'
            WHEN activity = 'W_Afhandelen_leads' AND lifecycle = 'START' THEN 'lead call'
            WHEN activity = 'A_PREACCEPTED' THEN 'pre-approval'
            WHEN activity = 'W_Completeren_aanvraag' AND lifecycle = 'START' THEN 'completion call'
            WHEN activity = 'O_SENT' AND papers_back > 0 THEN 'new contract'
            WHEN activity = 'O_SENT' AND offers > 1 THEN 'revised offer'
            WHEN activity = 'O_SENT' THEN 'offer'
            WHEN activity = 'W_Nabellen_offertes' AND lifecycle = 'START' AND happened - last_offer_at >= INTERVAL 1 HOUR
                 AND next_activity <> 'O_SENT_BACK' THEN 'offer call'
            WHEN activity = 'O_SENT_BACK' AND papers_back = 1 THEN 'signed papers'
            WHEN activity = 'W_Valideren_aanvraag' AND lifecycle = 'START' THEN 'assessment'
            WHEN activity = 'W_Nabellen_incomplete_dossiers' AND lifecycle IN ('SCHEDULE', 'START') THEN 'missing papers'
            WHEN activity = 'W_Beoordelen_fraude' AND lifecycle IN ('SCHEDULE', 'START') THEN 'fraud check'
            WHEN activity IN ('A_APPROVED', 'A_REGISTERED', 'A_ACTIVATED') THEN 'approved'
            WHEN activity = 'A_DECLINED' THEN 'declined'
            WHEN activity = 'A_CANCELLED' THEN 'cancelled'
        END AS label,
        activity = 'W_Completeren_aanvraag' AND happened - last_work_end >= INTERVAL 15 MINUTE AS calls_again,
        CASE
            WHEN label IS NOT NULL THEN NULL
            WHEN after_outcome THEN 'after the outcome'
            WHEN activity = 'W_Nabellen_offertes' AND lifecycle = 'START' THEN 'offer filed or papers booked in, no call'
            WHEN activity LIKE 'W%' AND lifecycle = 'COMPLETE' THEN 'end of a work item'
            WHEN activity LIKE 'W%' THEN 'work item planned'
            ELSE 'internal state of application or offer'
        END AS no_label_because
        FROM context
    """)


def fold_repeats(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `visit`: one row per stay at a touchpoint, with how many events were folded into it.

    Neighbouring events with the same label are one stay. Three labels are first told apart by what came before: a completion
    call after the first one is a call-back, an assessment after the first stay is a re-assessment, and chasing that follows a
    new contract belongs to the new contract.
    """
    connection.execute(f"""
        CREATE TABLE contact AS
        WITH told_apart AS (
            SELECT customer, line, happened, CASE
                WHEN label = 'completion call' AND count(*) FILTER (calls_again) OVER so_far > 0 THEN 'call-back'
                WHEN label = 'missing papers'
                     AND last_value(nullif(label, 'missing papers') IGNORE NULLS) OVER before = 'new contract'
                THEN 'new contract'
                ELSE label
            END AS label
            FROM labelled WHERE label IS NOT NULL WINDOW so_far AS {SO_FAR}, before AS {BEFORE}
        ), starts AS (
            SELECT *, label IS DISTINCT FROM lag(label) OVER log_order AS new_stay
            FROM told_apart WINDOW log_order AS {IN_LOG_ORDER}
        )
        SELECT customer, line, happened,
               CASE WHEN label = 'assessment' AND count(*) FILTER (new_stay AND label = 'assessment') OVER so_far > 1
                    THEN 're-assessment' ELSE label END AS label,
               count(*) FILTER (new_stay) OVER so_far AS stay
        FROM starts WINDOW so_far AS {SO_FAR}
    """)
    connection.execute("""
        CREATE TABLE visit AS
        SELECT customer, stay, label, min(happened) AS happened, count(*) AS events FROM contact GROUP BY customer, stay, label
    """)


def set_rare_links_aside(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `move`, one row per stay, without rare links, and `rare_link` with what was set aside.

    Setting an application aside can make another link rare, so this repeats until none is.
    """
    connection.execute("CREATE TABLE rare_link (origin VARCHAR, target VARCHAR, customer VARCHAR)")
    build_moves(connection)
    while connection.execute(f"""
        INSERT INTO rare_link
        SELECT origin, target, customer FROM move
        SEMI JOIN (
            SELECT origin, target, count(*) AS taken, sum(taken) OVER (PARTITION BY origin) AS departures
            FROM move WHERE target <> '(open)' GROUP BY origin, target
            QUALIFY taken < {LINK_MIN_CUSTOMERS} OR taken < {LINK_MIN_SHARE} * departures
        ) USING (origin, target)
    """).fetchone()[0]:
        build_moves(connection)


def build_moves(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `move`: each stay of the applications that are kept, until the next one or the cut-off, the log's last event."""
    connection.execute("""
        CREATE OR REPLACE TABLE move AS
        WITH cut_off AS (SELECT max(happened) AS happened FROM event)
        SELECT customer, persona, label AS origin, coalesce(lead(label) OVER journey, '(open)') AS target,
               coalesce(lead(visit.happened) OVER journey, cut_off.happened) AS until,
               date_diff('millisecond', visit.happened, until) / 86400000 AS dwell_days,
               row_number() OVER journey = 1 AS is_first, events
        FROM visit JOIN application USING (customer), cut_off
        WHERE customer NOT IN (SELECT customer FROM rare_link)
        WINDOW journey AS (PARTITION BY customer ORDER BY stay)
    """)
    connection.execute(f"DELETE FROM move WHERE origin IN {OUTCOMES}")


def bin_edges() -> list[str]:
    """Return the edges of the dwell bins in days, as text: 0, 1 second, then 116 equal steps of the logarithm to 200 days."""
    ratio = LAST_EDGE_DAYS / FIRST_EDGE_DAYS
    edges = [0.0, *(FIRST_EDGE_DAYS * ratio ** (step / BIN_COUNT) for step in range(BIN_COUNT + 1))]
    return [f"{edge:.12f}".rstrip("0").rstrip(".") for edge in edges]


def write_transitions(connection: duckdb.DuckDBPyConnection, output: Path) -> None:
    """Write the counts per persona, link and dwell bin, entries first, in a fixed order."""
    edges = bin_edges()
    connection.execute(
        "CREATE TABLE dwell_bin AS SELECT unnest(?) AS from_text, unnest(?) AS to_text", [edges[:-1], edges[1:]]
    )
    rows = connection.execute("""
        SELECT persona, '(enter)', origin, '', '', count(*) FROM move WHERE is_first GROUP BY persona, origin
        UNION ALL
        SELECT persona, origin, target, from_text, to_text, count(*)
        FROM move JOIN dwell_bin ON dwell_days >= from_text::DOUBLE AND dwell_days < to_text::DOUBLE
        GROUP BY ALL
    """).fetchall()
    rows.sort(key=lambda row: (*row[:3], float(row[3] or 0)))
    (moves,) = connection.execute("SELECT count(*) + count(*) FILTER (is_first) FROM move").fetchone()
    if moves != sum(row[5] for row in rows):
        raise SystemExit("some dwell is below 0 or 200 days and more, outside the bins: nothing was written")
    lines = ["persona,from,to,dwell_from_days,dwell_to_days,count", *(",".join(map(str, row)) for row in rows)]
    output.write_bytes(("\n".join(lines) + "\n").encode())


def summary(connection: duckdb.DuckDBPyConnection) -> str:
    """Say what was read, kept and set aside; the parts add up to the rows read."""
    (read,) = connection.execute("SELECT count(*) FROM event").fetchone()
    applications, kept, rare = connection.execute("""
        SELECT (SELECT count(*) FROM application), (SELECT count(DISTINCT customer) FROM move),
               (SELECT count(DISTINCT customer) FROM rare_link)
    """).fetchone()
    lines = [f"{applications} applications and {read} events read; {kept} applications in the table", "events:"]
    lines += table(connection, EVENT_ACCOUNT)
    lines += [f"applications set aside without an event to use: {applications - kept - rare}"]
    lines += [f"applications set aside for a rare link: {rare}", *table(connection, RARE_LINKS)]
    lines += ["stays per touchpoint, events per stay:", *table(connection, STAYS)]
    lines += ["how applications ended, by persona:", *table(connection, ENDS)]
    return "\n".join(lines) + "\n"


RARE_LINKS = "SELECT count(*), origin || ' -> ' || target AS link FROM rare_link GROUP BY link ORDER BY 1 DESC, 2"

STAYS = "SELECT count(*), origin || ': ' || round(avg(events), 2) FROM move GROUP BY origin ORDER BY 1 DESC, 2"

ENDS = """
    SELECT count(*), persona || ': ' || target FROM move WHERE target IN ('approved', 'declined', 'cancelled', '(open)')
    GROUP BY persona, target ORDER BY persona DESC, 1 DESC
"""

EVENT_ACCOUNT = """
    WITH account AS (
        SELECT set_aside AS what, customer FROM event WHERE set_aside IS NOT NULL
        UNION ALL
        SELECT no_label_because, customer FROM labelled WHERE no_label_because IS NOT NULL
        UNION ALL
        SELECT CASE WHEN label IN ('approved', 'declined', 'cancelled') THEN 'outcome'
                    WHEN row_number() OVER (PARTITION BY customer, stay ORDER BY happened, line) = 1
                    THEN 'arrival at a touchpoint'
                    ELSE 'folded into the stay' END, customer
        FROM contact
    )
    SELECT count(*), CASE WHEN customer IN (SELECT customer FROM rare_link) THEN 'of an application set aside'
                          ELSE what END AS what
    FROM account GROUP BY ALL ORDER BY 1 DESC, 2
"""


def table(connection: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    """Lines of text for a query that yields a count and a name."""
    return [f"{count:>9}  {name}" for count, name in connection.execute(query).fetchall()]


if __name__ == "__main__":
    sys.exit(main())
