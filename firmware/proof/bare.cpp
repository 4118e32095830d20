// The library on a bare Cortex-M4 (QEMU's mps2-an386): vectors, FPU, then the self test and a checksum of forecasts.
// Prints "self test: STATUS, checksum: CRC-32" (of the forecasts of WINDOWS synthetic windows); exits with 0 if the
// self test passed.
#include "shim.h"

#ifndef WINDOWS
#define WINDOWS 200
#endif

extern "C" {
extern uint32_t start_of_data, end_of_data, stored_data, start_of_bss, end_of_bss, top_of_stack;
typedef void (*Constructor)();
extern Constructor start_of_constructors, end_of_constructors;
[[noreturn]] void start();
[[noreturn]] void fault();
}

// Semihosting calls of Arm's "Semihosting for AArch32 and AArch64".
static int32_t semihosting_call(int32_t operation, const void *argument) {
  register int32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

static void print(const char *text) { semihosting_call(0x04, text); }

[[noreturn]] static void end(uint32_t code) {
  const uint32_t stopped[2] = {0x20026, code};  // ADP_Stopped_ApplicationExit
  for (;;) semihosting_call(0x20, stopped);
}

static void print_hex(uint32_t value) {
  char text[9] = {};
  for (int i = 0; i < 8; ++i) text[i] = "0123456789abcdef"[(value >> (28 - 4 * i)) & 15];
  print(text);
}

static uint32_t synthetic_checksum() {
  dlnet::Forecast<Model> ahead;
  uint32_t crc = 0;
  int16_t made[dlnet::Forecaster<Model>::codes];
  for (uint32_t seed = 0; seed < WINDOWS; ++seed) {
    dlnet::synthetic_window<Model>(seed, made);
    dlnet::run_stored(made, 1 << 24, ahead);
    crc = dlnet::checksum(ahead, crc);
  }
  return crc;
}

void fault() {
  print("fault\n");
  end(99);
}

void start() {
  *reinterpret_cast<volatile uint32_t *>(0xe000ed88) |= 0xfu << 20;  // CPACR: the FPU is off after a reset
  __asm__ volatile("dsb\n\tisb");
  for (uint32_t *to = &start_of_data, *from = &stored_data; to < &end_of_data;) *to++ = *from++;
  for (uint32_t *to = &start_of_bss; to < &end_of_bss;) *to++ = 0;
  for (Constructor *next = &start_of_constructors; next < &end_of_constructors; ++next) (*next)();
  const dlnet::Status status = dlnet::self_test<Model>();
  print("self test: ");
  print(dlnet::text(status));
  print(", checksum: ");
  print_hex(synthetic_checksum());
  print("\n");
  end(status == dlnet::Status::ok ? 0 : 1);
}

extern "C" __attribute__((section(".vectors"), used)) const void *const vectors[16] = {
    &top_of_stack, reinterpret_cast<const void *>(start), reinterpret_cast<const void *>(fault),
    reinterpret_cast<const void *>(fault), reinterpret_cast<const void *>(fault),
    reinterpret_cast<const void *>(fault), reinterpret_cast<const void *>(fault)};
