"""The command line: parse, call one verb, show what it found. Imports nothing heavy before a verb is called."""

from journeysim.cli.app import main

__all__ = ["main"]
