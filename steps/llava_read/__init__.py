"""The steps of LLaVA-Read: pages and their OCR text, a model trained in two stages, its arms, and what came of it."""
