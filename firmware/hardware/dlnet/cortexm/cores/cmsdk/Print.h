// Text on a stream, as Arduino's Print: bytes, strings and numbers.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/// A string in flash; here flash needs no special access, so it is a plain string under another type.
class __FlashStringHelper;
#define F(text) (reinterpret_cast<const __FlashStringHelper*>(text))

#define DEC 10
#define HEX 16

class Print {
 public:
  virtual size_t write(uint8_t value) = 0;

  size_t write(const uint8_t* bytes, size_t count);
  size_t write(const char* bytes, size_t count) { return write(reinterpret_cast<const uint8_t*>(bytes), count); }
  size_t write(const char* text) { return write(text, strlen(text)); }

  size_t print(const char* text) { return write(text); }
  size_t print(const __FlashStringHelper* text) { return write(reinterpret_cast<const char*>(text)); }
  size_t print(char value) { return write(static_cast<uint8_t>(value)); }
  size_t print(int value, int base = DEC) { return print(static_cast<long>(value), base); }
  size_t print(unsigned value, int base = DEC) { return print(static_cast<unsigned long>(value), base); }
  size_t print(long value, int base = DEC);
  size_t print(unsigned long value, int base = DEC);
  /// At most nine digits after the point; `nan`, `inf`, and `ovf` beyond 32 bits before it.
  size_t print(double value, int digits = 2);

  size_t println() { return write("\r\n", 2); }
  template <typename Value>
  size_t println(Value value) {
    const size_t count = print(value);
    return count + println();
  }
  template <typename Value>
  size_t println(Value value, int format) {
    const size_t count = print(value, format);
    return count + println();
  }

 protected:
  ~Print() = default;
};
