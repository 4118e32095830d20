// Text of the serial protocol: bytes to lines, lines to words and numbers, replies. See docs/protocol.md.
// Depends neither on Arduino nor on the model, so it is compiled and fuzzed on a computer.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace protocol {

constexpr size_t max_line = 400;  // characters of a command, without the line end
constexpr int max_words = 24;     // of a command, including its name

/// Errors of a line itself. Those of the monitor have other codes, see Session.
enum class Error : uint8_t {
  none = 0,
  line_too_long = 1,
  bad_character = 2,
  unknown_command = 3,
  wrong_count = 4,
  bad_number = 5,
  bad_value = 6,
  bad_order = 7,
};

inline const char* text(Error error) {
  switch (error) {
    case Error::none: return "none";
    case Error::line_too_long: return "line too long";
    case Error::bad_character: return "bad character";
    case Error::unknown_command: return "unknown command";
    case Error::wrong_count: return "wrong number of arguments";
    case Error::bad_number: return "bad number";
    case Error::bad_value: return "value out of range";
    case Error::bad_order: return "wrong order of commands";
  }
  return "unknown";
}

/// Assembles lines byte by byte. A line that is too long or has a byte that is not printable ASCII is read to its end,
/// then rejected as a whole.
class LineReader {
 public:
  /// Take one byte; true when it ends a line. `line` is valid until the next byte is taken.
  bool take(uint8_t byte) {
    if (complete_) clear();
    if (byte == '\n') {
      if (length_ && line_[length_ - 1] == '\r') --length_;
      check();
      return complete_ = true;
    }
    if (length_ == sizeof line_) {
      error_ = Error::line_too_long;
    } else {
      line_[length_++] = static_cast<char>(byte);
    }
    return false;
  }

  const char* line() const { return line_; }
  size_t length() const { return length_; }
  Error error() const { return error_; }

 private:
  void clear() {
    length_ = 0;
    error_ = Error::none;
    complete_ = false;
  }

  void check() {
    if (error_ == Error::none && length_ > max_line) error_ = Error::line_too_long;
    for (size_t i = 0; i < length_ && error_ == Error::none; ++i) {
      if (line_[i] < ' ' || line_[i] > '~') error_ = Error::bad_character;
    }
  }

  char line_[max_line + 1] = {};  // one more for a carriage return
  size_t length_ = 0;
  Error error_ = Error::none;
  bool complete_ = false;
};

/// A piece of a line.
struct Word {
  const char* first;
  size_t length;

  bool is(const char* name) const { return strlen(name) == length && memcmp(first, name, length) == 0; }
};

/// The words of a line, separated by blanks.
class Words {
 public:
  /// False where there are more than `max_words`.
  bool split(const char* line, size_t length) {
    count_ = 0;
    for (size_t at = 0; at < length;) {
      if (line[at] == ' ') {
        ++at;
        continue;
      }
      size_t end = at;
      while (end < length && line[end] != ' ') ++end;
      if (count_ == max_words) return false;
      words_[count_++] = {line + at, end - at};
      at = end;
    }
    return true;
  }

  int count() const { return count_; }
  const Word& operator[](int i) const { return words_[i]; }

 private:
  Word words_[max_words] = {};
  int count_ = 0;
};

/// Parse an unsigned number; false if it has characters other than digits or needs more than 32 bits.
inline bool parse_unsigned(const Word& word, uint32_t& value) {
  if (word.length == 0 || word.length > 10) return false;
  uint64_t sum = 0;
  for (size_t i = 0; i < word.length; ++i) {
    const char c = word.first[i];
    if (c < '0' || c > '9') return false;
    sum = 10 * sum + static_cast<uint64_t>(c - '0');
  }
  if (sum > UINT32_MAX) return false;
  value = static_cast<uint32_t>(sum);
  return true;
}

/// Parse a decimal number: optional sign, digits, optional point and digits; no exponent, no `nan`.
///
/// At most 15 significant digits and 22 after the point: then digits and power of ten are both exact doubles, and their
/// quotient is the double nearest to the text (Clinger 1990).
inline bool parse_number(const Word& word, double& value) {
  size_t at = 0;
  const bool negative = word.length && word.first[0] == '-';
  if (word.length && (word.first[0] == '-' || word.first[0] == '+')) ++at;
  uint64_t whole = 0;
  double scale = 1;
  int digits = 0, significant = 0, decimals = 0;
  bool point = false;
  for (; at < word.length; ++at) {
    const char c = word.first[at];
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9') return false;
    ++digits;
    if (significant || c != '0') ++significant;
    if (point) {
      ++decimals;
      scale *= 10;
    }
    if (significant > 15 || decimals > 22) return false;
    whole = 10 * whole + static_cast<uint64_t>(c - '0');
  }
  if (!digits) return false;
  const double size = static_cast<double>(whole) / scale;
  value = negative ? -size : size;
  return true;
}

/// A hexadecimal digit's value, or -1.
inline int parse_hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

/// Writes a reply into a buffer of fixed size; truncates at its end.
class Reply {
 public:
  Reply(char* buffer, size_t room) : buffer_(buffer), room_(room) {}

  size_t length() const { return length_; }

  Reply& put(char c) {
    if (length_ < room_) buffer_[length_++] = c;
    return *this;
  }

  Reply& put(const char* string) {
    while (*string) put(*string++);
    return *this;
  }

  Reply& put_unsigned(uint64_t value, int min_digits = 1) {
    char digits[20];
    int count = 0;
    do {
      digits[count++] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value || count < min_digits);
    while (count) put(digits[--count]);
    return *this;
  }

  Reply& put_signed(int64_t value) {
    if (value < 0) put('-');
    return put_unsigned(value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value));
  }

  /// A number with nine digits after the point; `none` where it is not finite or has more than nine before it.
  Reply& put_fixed(double value) {
    if (!(value > -1e9 && value < 1e9)) return put("none");
    const double size = value < 0 ? -value : value;
    const uint64_t units = static_cast<uint64_t>(size * 1e9 + 0.5);
    if (value < 0 && units) put('-');
    return put_unsigned(units / 1000000000u).put('.').put_unsigned(units % 1000000000u, 9);
  }

  Reply& put_hex(uint8_t byte) { return put("0123456789abcdef"[byte >> 4]).put("0123456789abcdef"[byte & 15]); }

  /// Replace whatever was written by an error.
  void refuse(int code, const char* reason) {
    length_ = 0;
    put("err ").put_unsigned(static_cast<uint64_t>(code)).put(' ').put(reason);
  }

  void refuse(Error error) { refuse(static_cast<int>(error), text(error)); }

 private:
  char* buffer_;
  size_t room_;
  size_t length_ = 0;
};

}  // namespace protocol
