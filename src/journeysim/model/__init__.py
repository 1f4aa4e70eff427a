"""Frozen values: the journey map, what people believe about it, changes to it, and the draws behind an arm."""
