"""Steps of differentially private cross-attention (arXiv:2407.14717)."""
