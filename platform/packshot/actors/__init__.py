"""What the broker's messages set in motion: an id in, a command called."""
