"""Steps of private regression with neural tangent kernels (arXiv:2407.13621)."""
