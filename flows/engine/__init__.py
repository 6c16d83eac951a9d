"""Graph, DVC stages, and the Prefect flow that runs them."""
