"""The command `journeysim` and its verbs."""

from __future__ import annotations

import io
import sys

import click

from journeysim.cli import (
    backtest,
    calibrate,
    check,
    compare,
    count,
    discover,
    doctor,
    explain,
    init,
    report,
    run,
    schema,
    score,
)


class Verbs(click.Group):
    """The group of verbs, in the order one meets them; an unknown verb gets a suggestion."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the verbs in their own order instead of the alphabet's."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the verb, or say which one may have been meant."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            from journeysim.model.checks.did_you_mean import did_you_mean

            ctx.fail(f'no command "{args[0]}"{did_you_mean(args[0], list(self.commands))}')
        return super().resolve_command(ctx, args)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="journeysim", message="journeysim %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
@click.pass_context
def journeysim(ctx: click.Context, *, debug: bool) -> None:
    """Say what a change to a customer journey would bring: today and every proposal, side by side.

    Start with `journeysim init my-journey --example subscription`, then `journeysim run my-journey/scenario.yaml`.

    People read what is written to stderr; `--json` writes one document to stdout. Exit codes: 0 done, 1 unexpected,
    2 bad input, 3 a gate failed, 130 interrupted.
    """
    ctx.obj = debug


for verb in (init, discover, check, calibrate, count, backtest, run, compare, report, score, schema, explain, doctor):
    journeysim.add_command(verb.command)


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")
    journeysim(prog_name="journeysim")
