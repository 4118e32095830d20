#include "Print.h"

size_t Print::write(const uint8_t* bytes, size_t count) {
  size_t sent = 0;
  while (sent < count && write(bytes[sent])) ++sent;
  return sent;
}

size_t Print::print(long value, int base) {
  if (value >= 0 || base != DEC) return print(static_cast<unsigned long>(value), base);
  const size_t sign = print('-');
  return sign + print(0UL - static_cast<unsigned long>(value), base);
}

size_t Print::print(unsigned long value, int base) {
  char text[8 * sizeof value];
  char* first = text + sizeof text;
  const unsigned long radix = base < 2 || base > 16 ? DEC : static_cast<unsigned long>(base);
  do {
    *--first = "0123456789ABCDEF"[value % radix];
    value /= radix;
  } while (value);
  return write(first, static_cast<size_t>(text + sizeof text - first));
}
