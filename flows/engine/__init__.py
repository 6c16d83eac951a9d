"""Graph, DVC stages, the Prefect flows that run them, here or on workers, and the servers behind them."""
