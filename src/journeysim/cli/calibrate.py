"""`journeysim calibrate`: an event log or a transition table and a journey -> draws, with gates and an account."""
