"""The HTTP API, one file per resource: read a form, call a command, shape an answer."""
