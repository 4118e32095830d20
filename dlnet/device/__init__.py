"""A board that runs DLNet, on a serial port or emulated: build its sketch, talk to it, check it against the host."""
