"""The steps of the reading benchmark: sets of items, OCR, models that answer, and what came of it."""
