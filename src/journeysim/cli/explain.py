"""`journeysim explain`: the rule behind a problem's code, and how it is cured."""

from __future__ import annotations

import click

from journeysim.cli.screen import say
from journeysim.cli.verb import Verb, json_option, write_json


@click.command("explain", cls=Verb)
@click.argument("code", metavar="CODE")
@json_option
def command(code: str, *, as_json: bool) -> None:
    """Explain a problem CODE such as J014: the rule, why it holds, and the cure."""
    from journeysim.files import CODES, explanation
    from journeysim.model.checks.did_you_mean import did_you_mean

    found = explanation(code)
    if found is None:
        raise click.BadParameter(f'there is no code "{code}"{did_you_mean(code, CODES)}', param_hint="CODE")
    say(f"{found.code}  {found.rule}", style="bold")
    for head, text in (("", found.why), ("Cure: ", found.cure), ("For example: ", found.example)):
        if text:
            say(f"{head}{text}")
    if as_json:
        fields = ("code", "rule", "why", "cure", "example")
        write_json("explanation", {name: getattr(found, name) for name in fields})
