"""Steps of a walk towards a target."""
