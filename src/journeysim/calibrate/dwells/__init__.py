"""How long a move takes: families, what the map believes of them, and the fit of one link."""
