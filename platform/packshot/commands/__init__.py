"""Use cases: load, one verb, save; one file per noun."""
