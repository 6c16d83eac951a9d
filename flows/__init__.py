"""The papers as graphs of steps, the engine that runs a graph, the command line and the report."""
