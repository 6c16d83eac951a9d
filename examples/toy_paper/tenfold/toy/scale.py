"""The size of the walk's noise, in a module of its own: a change here reruns what reaches it by import."""

SCALE = 1.0
