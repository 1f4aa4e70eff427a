"""What drives the result: assumptions by their share of the variance, thresholds, and what each change adds."""
