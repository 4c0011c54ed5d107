"""From masks and spacing to areas, lengths and angles."""
