"""Timings side by side with peers, one module a paper."""
