"""Steps of the debiasing paper."""
