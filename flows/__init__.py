"""The papers as flows of steps, what runs and serves them, the command line and the report."""
