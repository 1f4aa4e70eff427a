"""Counting a log of any size: part by part where it lies here, by one query for any engine that speaks SQL."""
