// main() of a sketch, and the clock.
#include "Arduino.h"
#include "board.h"

namespace {
constexpr uint32_t kTicksPerMs = F_CPU / 1000;
volatile uint32_t now_ms;
}  // namespace

extern "C" void SysTick_Handler(void) { now_ms = now_ms + 1; }

extern "C" unsigned long millis(void) { return now_ms; }

extern "C" unsigned long micros(void) {
  noInterrupts();
  uint32_t ms = now_ms;
  uint32_t left = kSysTick->value;
  if (*kInterruptControl & kSysTickPending) {  // it wrapped after interrupts were disabled
    left = kSysTick->value;
    ++ms;
  }
  interrupts();
  return ms * 1000u + (kTicksPerMs - 1 - left) * 1000u / kTicksPerMs;
}

extern "C" void delay(unsigned long ms) {
  // Whole milliseconds from now, not ticks: the first tick may be near.
  for (uint32_t start = micros(); ms > 0;) {
    wait_for_interrupt();
    for (; ms > 0 && micros() - start >= 1000; --ms) start += 1000;
  }
}

extern "C" void delayMicroseconds(unsigned int us) {
  const uint32_t start = micros();
  while (micros() - start < us) {
  }
}

int main() {
  kSysTick->reload = kTicksPerMs - 1;
  kSysTick->value = 0;
  kSysTick->control = kSysTickOn;
  setup();
  for (;;) {
    loop();
    // Sleep until a byte or the next tick comes, so that an idle board does not hold a whole core of the host.
    if (!Serial.available()) wait_for_interrupt();
  }
}
