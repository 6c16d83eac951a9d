"""What runs a step: its output in one rename, the sandbox, provenance, and several processes."""
