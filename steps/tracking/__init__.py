"""What a step tells MLflow: written to files first, delivered on the side."""
