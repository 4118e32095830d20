"""Decides which model may be deployed to devices: choice of the device model, gate, budget."""
