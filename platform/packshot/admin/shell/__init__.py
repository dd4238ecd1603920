"""What every page shares: how it is declared, run, rendered and protected."""
