"""Steps of the multi-LLM debiasing framework (arXiv:2409.13884)."""
