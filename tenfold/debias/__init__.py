"""Debiasing by several language models that talk: BBQ as its authors score it, and conversations about it."""
