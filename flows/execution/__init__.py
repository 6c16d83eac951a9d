"""Running a graph: DVC's command line, the Prefect flow over its stages, GPUs, recovery after kills."""
