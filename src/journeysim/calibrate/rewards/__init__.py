"""What a visit is worth and how it is rated: hurdles, spends and ordered answers."""
