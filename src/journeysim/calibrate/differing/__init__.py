"""Customers who differ for good: the Polya urn of their shares, and the rates of those who come again."""
