"""Bytes to values and back: journey and scenario files with every problem at its line and column."""
