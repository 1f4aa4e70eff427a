"""Arm -> Outcomes: compile to plain arrays, run the engine the map asks for, name the results."""
