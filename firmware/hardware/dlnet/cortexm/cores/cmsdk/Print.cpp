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

size_t Print::print(double value, int digits) {
  if (value != value) return print("nan");
  size_t sent = value < 0 ? print('-') : 0;
  const double size = value < 0 ? -value : value;
  if (size > 1.7976931348623157e308) return sent + print("inf");
  if (size > 4294967040.0) return sent + print("ovf");
  const int decimals = digits < 0 ? 0 : digits > 9 ? 9 : digits;
  uint64_t scale = 1;
  for (int i = 0; i < decimals; ++i) scale *= 10;
  const uint64_t units = static_cast<uint64_t>(size * static_cast<double>(scale) + 0.5);
  sent += print(static_cast<unsigned long>(units / scale));
  if (!decimals) return sent;
  sent += print('.');
  for (uint64_t rest = units % scale; scale > 1; rest %= scale) {
    scale /= 10;
    sent += print(static_cast<char>('0' + rest / scale));
  }
  return sent;
}
