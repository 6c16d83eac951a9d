"""What a paper is made of: its graph, and the files that DVC and Prefect read, generated from it."""
