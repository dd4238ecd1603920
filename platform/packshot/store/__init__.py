"""Everything that remembers: the event log, the views beside it, blobs, and what is read often."""
