"""Cost of a model on the device, and energy of training."""
