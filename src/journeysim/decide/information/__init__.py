"""What knowing more would be worth: everything, one assumption, or a test of some size on it."""
