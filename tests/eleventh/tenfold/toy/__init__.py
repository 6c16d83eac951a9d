"""The toy paper's library."""
