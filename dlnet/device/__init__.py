"""A board that runs DLNet, on a serial port or emulated: its build, its protocol, its comparison with the host."""
