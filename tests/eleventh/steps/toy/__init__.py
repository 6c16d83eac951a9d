"""Steps of the toy paper."""
