"""Suggestions for words that are nearly right: the model's own, for the readers of files."""

from journeysim.model.checks.did_you_mean import closest, did_you_mean, listed

__all__ = ["closest", "did_you_mean", "listed"]
