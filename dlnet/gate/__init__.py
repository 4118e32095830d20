"""Which model may go to devices: the choice of the device model, the gate, the budget."""
