"""Other people's services, each behind a port. The shops come with their issue."""
