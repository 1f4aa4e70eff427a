"""What is counted in a log beyond the transition table: one module per table, none of which grows with the customers."""
