"""Training from labels and from a teacher, many networks side by side."""
