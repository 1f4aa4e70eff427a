"""Several proposals at once: which bundle to carry out, in which order, and what kind of task each proposal is."""
