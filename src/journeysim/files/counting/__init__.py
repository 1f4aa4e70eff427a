"""Counting a log of any size: one query that gives the transition table, for any engine that speaks SQL."""
