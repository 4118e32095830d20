"""What a model costs on the device, what training costs in energy."""
