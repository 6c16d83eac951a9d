"""All that a step may use, and so all that a number can come from besides the library."""
