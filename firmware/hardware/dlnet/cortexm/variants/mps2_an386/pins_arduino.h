// Pins of the emulated board: it has none, so every pin number is accepted and ignored.
#pragma once

#define NUM_DIGITAL_PINS 0
#define LED_BUILTIN 13
