"""The staffed service behind a journey: the walk's customers, but with staff who are there or not, and queues."""
