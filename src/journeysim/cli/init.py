"""`journeysim init`: a worked example in a new folder."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

import click

from journeysim.cli.screen import say
from journeysim.cli.verb import Verb, json_option, write_json
from journeysim.errors import BadInput, Place, Problem

EXAMPLES: Final = ("subscription", "online_shop", "telephone_advice")
TEMPLATES: Final = ("linear", "spiral", "loop", "aida", "subscription")


def examples() -> Traversable:
    """Return the folder of the examples inside the package."""
    return files("journeysim") / "examples"


@click.command("init", cls=Verb)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--example", type=click.Choice(EXAMPLES), help="A complete example: two proposals, personas, a log.")
@click.option("--template", type=click.Choice(TEMPLATES), help="A shape to start from: one proposal, few touchpoints.")
@json_option
def command(folder: Path, *, example: str | None, template: str | None, as_json: bool) -> None:
    """Put a commented journey, a scenario and a small log into a new folder DIR.

    Without --example or --template it is the subscription example. What is already in DIR is never touched.
    """
    if example and template:
        raise click.UsageError("give either --example or --template, not both")
    name = example or template or "subscription"
    written = copy_example(name, folder)
    say(f"{folder}: {', '.join(written)}")
    say(f"Next: journeysim run {folder / 'scenario.yaml'}")
    if as_json:
        write_json("init", {"folder": str(folder), "example": name, "files": list(written)})


def copy_example(name: str, folder: Path) -> tuple[str, ...]:
    """Copy an example into a folder that has none of its files yet; BadInput when one is there. Returns the names."""
    with as_file(examples() / name) as source:
        names = tuple(sorted(file.name for file in source.iterdir() if file.is_file()))
        taken = [item for item in names if (folder / item).exists() or (folder / item).is_symlink()]
        if taken or (folder.exists() and not folder.is_dir()):
            what = f"{', '.join(taken)} is already there" if taken else "it is a file"
            message = f"{what}; name a new folder: nothing is overwritten"
            raise BadInput([Problem("J097", message, Place(str(folder), text=str(folder), width=len(str(folder))))])
        folder.mkdir(parents=True, exist_ok=True)
        for item in names:
            shutil.copyfile(source / item, folder / item)
    return names
