"""A constant two imports away from the step that uses it."""

SCALE = 1.0
