// Pins of the emulated board: it has none that a sketch could see, so every number is taken and ignored.
#pragma once

#define NUM_DIGITAL_PINS 0
#define LED_BUILTIN 13
