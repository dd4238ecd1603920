"""Postgres and Valkey in the data folder: what `packshot up` runs when nothing else is given."""
