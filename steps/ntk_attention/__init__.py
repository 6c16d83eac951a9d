"""Steps of NTK-Attention."""
