// The cycle counter of the processor (DWT, Armv7-M Architecture Reference Manual, C1.8).
#pragma once

#include <stdint.h>

namespace cycle_counter {

static volatile uint32_t* const debug_control = reinterpret_cast<volatile uint32_t*>(0xE000EDFCu);
static volatile uint32_t* const control = reinterpret_cast<volatile uint32_t*>(0xE0001000u);
static volatile uint32_t* const count = reinterpret_cast<volatile uint32_t*>(0xE0001004u);

inline void start() {
  *debug_control = *debug_control | 1u << 24;
  *control = *control | 1u;
}

/// Cycles since `start`, modulo 2^32; always 0 in an emulator.
inline uint32_t read() { return *count; }

}  // namespace cycle_counter
