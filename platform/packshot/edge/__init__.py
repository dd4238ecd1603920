"""Every request before and after its endpoint: framing, credentials, limits, uploads, problems."""
