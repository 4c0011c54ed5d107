"""How wrong a prediction is, as a number to make smaller."""
