// The part of the Arduino API that a sketch without pins needs, for the emulated board.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "pins_arduino.h"

#define HIGH 1
#define LOW 0
#define INPUT 0
#define OUTPUT 1
#define INPUT_PULLUP 2

#define PROGMEM
#define PSTR(text) (text)
#define pgm_read_byte(address) (*(const uint8_t*)(address))
#define pgm_read_word(address) (*(const uint16_t*)(address))
#define pgm_read_dword(address) (*(const uint32_t*)(address))
#define memcpy_P memcpy
#define strlen_P strlen

typedef uint8_t byte;

#ifdef __cplusplus
extern "C" {
#endif

void setup(void);
void loop(void);

/// Milliseconds since reset; wraps after 49.7 days.
unsigned long millis(void);
/// Microseconds since reset; wraps after 71.6 minutes.
unsigned long micros(void);
/// Wait, in ms, asleep between ticks.
void delay(unsigned long ms);
/// Wait, in µs, awake.
void delayMicroseconds(unsigned int us);

static inline void noInterrupts(void) { __asm__ volatile("cpsid i" ::: "memory"); }
static inline void interrupts(void) { __asm__ volatile("cpsie i" ::: "memory"); }

static inline void pinMode(int pin, int mode) { (void)pin, (void)mode; }
static inline void digitalWrite(int pin, int value) { (void)pin, (void)value; }
static inline int digitalRead(int pin) { return (void)pin, LOW; }

#ifdef __cplusplus
}

#include "Serial.h"
#endif
