"""Steps of the differentially private John ellipsoid (arXiv:2408.06395)."""
