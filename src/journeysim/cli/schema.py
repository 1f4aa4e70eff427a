"""`journeysim schema`: the JSON Schema of journey and scenario files, for editors."""

from __future__ import annotations

import json
from pathlib import Path

import click

from journeysim.cli.screen import say
from journeysim.cli.verb import Verb


@click.command("schema", cls=Verb)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write it to a file instead of stdout.")
def command(out: Path | None) -> None:
    """Write the JSON Schema of journey and scenario files to stdout.

    An editor completes and checks a file whose first line is `# yaml-language-server: $schema=PATH`, for example with
    `journeysim schema --out .journeysim/schema.json`.
    """
    from journeysim.files import json_schema
    from journeysim.files.run_store import write_whole

    text = json.dumps(json_schema(), ensure_ascii=False, indent=1) + "\n"
    if out is None:
        click.echo(text, nl=False)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, text.encode())
    say(f"{out}: the schema of journey and scenario files")
