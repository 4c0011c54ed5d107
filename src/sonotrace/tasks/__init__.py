"""What networks are used for, and the state that this needs over time."""
