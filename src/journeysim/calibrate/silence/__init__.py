"""Touchpoints that customers may leave without an event: shares, dwells and silent exits jointly."""
