// The serial protocol's text: lines out of bytes, words and numbers out of a line, a reply into a buffer.
// Knows neither Arduino nor the model, so that it compiles and is fuzzed on a computer. See docs/protocol.md.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace protocol {

constexpr size_t max_line = 400;  // characters of a command, without the line end
constexpr int max_words = 24;     // of a command, its name among them

/// What is wrong with a line itself. What the model says of its content has codes of its own.
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

/// Puts lines together byte by byte. A line that is too long or holds a byte that is no text is read to its end and
/// then refused as a whole.
class LineReader {
 public:
  /// Take one byte; true when it ends a line, which then stands in `line` until the next byte is taken.
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

  char line_[max_line + 1] = {};  // and a carriage return
  size_t length_ = 0;
  Error error_ = Error::none;
  bool complete_ = false;
};

/// A piece of a line.
struct Word {
  const char* first;
  size_t length;

  bool is(const char* other) const { return strlen(other) == length && memcmp(first, other, length) == 0; }
};

/// The words of a line, which blanks part.
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

/// Read digits as an unsigned number; false where there is anything else or it needs more than 32 bits.
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

/// Read a decimal number: a sign or none, digits, perhaps a point and more digits; no exponent, no words.
///
/// At most 15 digits after leading zeros and 22 after the point: within these, a whole number over a power of ten is
/// a division of two exact doubles, so that the result is the double nearest to the text.
inline bool parse_number(const Word& word, double& value) {
  size_t at = 0;
  const bool negative = word.length && word.first[0] == '-';
  if (word.length && (word.first[0] == '-' || word.first[0] == '+')) ++at;
  uint64_t whole = 0;
  double scale = 1;
  int digits = 0, significant = 0, places = 0;
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
      ++places;
      scale *= 10;
    }
    if (significant > 15 || places > 22) return false;
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

/// A reply that is being written: text into a buffer of fixed size, cut where the buffer ends.
class Reply {
 public:
  Reply(char* buffer, size_t room) : buffer_(buffer), room_(room) {}

  size_t length() const { return length_; }

  Reply& put(char c) {
    if (length_ < room_) buffer_[length_++] = c;
    return *this;
  }

  Reply& put(const char* words) {
    while (*words) put(*words++);
    return *this;
  }

  Reply& put_unsigned(uint64_t value, int least_digits = 1) {
    char digits[20];
    int count = 0;
    do {
      digits[count++] = static_cast<char>('0' + value % 10);
      value /= 10;
    } while (value || count < least_digits);
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

  /// Begin a refusal anew, whatever was written before.
  void refuse(int code, const char* why) {
    length_ = 0;
    put("err ").put_unsigned(static_cast<uint64_t>(code)).put(' ').put(why);
  }

  void refuse(Error error) { refuse(static_cast<int>(error), text(error)); }

 private:
  char* buffer_;
  size_t room_;
  size_t length_ = 0;
};

}  // namespace protocol
