"""The verbs: one package per paper, one module per step; files in, library, files out."""
