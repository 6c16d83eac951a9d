"""What surrounds a step: parameters, outputs, checkpoints, provenance and tracking."""
