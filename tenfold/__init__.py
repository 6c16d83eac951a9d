"""Tenfold's library: what ten machine-learning papers invented, importable by anyone."""
