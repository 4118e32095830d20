// SPDX-License-Identifier: Apache-2.0
// Integer arithmetic of docs/quantisation.md, in plain C++ and in Armv7E-M instructions. Both give the same numbers.
//
// DLNET_PORTABLE selects the plain form. It is also used without optimisation, where GCC has too few registers for the
// other. Vectors of int16 are stored as words of two, the even element in the low half. GCC 7 has no unroll pragma:
// products are unrolled by templates.
#pragma once

#include <stdint.h>
#include <string.h>

#if !defined(DLNET_PORTABLE) && defined(__OPTIMIZE__) && defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && \
    defined(__ARM_FEATURE_UNALIGNED)
#define DLNET_DSP 1
#else
#define DLNET_DSP 0
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "DLNet needs a little-endian machine"
#endif

// Products of int16 and shifts are computed as int: with 16 bits they would wrap, and forecasts be wrong without a word.
#if __SIZEOF_INT__ < 4
#error "DLNet needs an int of 32 bits, and this board's has 16 (AVR); use a board of 32 bits, such as a Nano 33 BLE"
#endif

#define DLNET_INLINE inline __attribute__((always_inline))

namespace dlnet {

// An int16 of a vector stored as words; may_alias, because both types access the same memory.
typedef int16_t __attribute__((may_alias)) Half;

// Consecutive words of one row in a weight stream: what the DSP path loads with one instruction.
constexpr int block_words = 4;

DLNET_INLINE int32_t low_half(uint32_t word) { return static_cast<int16_t>(word & 0xffffu); }
DLNET_INLINE int32_t high_half(uint32_t word) { return static_cast<int16_t>(word >> 16); }
DLNET_INLINE uint32_t pack(int32_t low, int32_t high) {
  return (static_cast<uint32_t>(low) & 0xffffu) | (static_cast<uint32_t>(high) << 16);
}
DLNET_INLINE int32_t clamp(int32_t value, int32_t limit) {
  return value > limit ? limit : value < -limit ? -limit : value;
}

// Set words to 0; copy words from int16 of any alignment. Unrolled.
template <int words>
struct Words {
  static DLNET_INLINE void clear(uint32_t *to) {
    *to = 0;
    Words<words - 1>::clear(to + 1);
  }
  static DLNET_INLINE void copy(Half *to, const int16_t *from) {
    memcpy(to, from, sizeof(uint32_t));
    Words<words - 1>::copy(to + 2, from + 2);
  }
};

template <>
struct Words<0> {
  static DLNET_INLINE void clear(uint32_t *) {}
  static DLNET_INLINE void copy(Half *, const int16_t *) {}
};

// Sum of int16, unrolled.
template <int count>
struct Sum {
  static DLNET_INLINE int32_t of(const Half *values) { return Sum<count - 1>::of(values) + values[count - 1]; }
};

template <>
struct Sum<0> {
  static DLNET_INLINE int32_t of(const Half *) { return 0; }
};

// (value * multiplier + 2^(shift - 1)) >> shift, in 64 bits; for the few scales whose shift may be below 33.
DLNET_INLINE int32_t scale_any(int32_t value, int32_t multiplier, int shift) {
  return static_cast<int32_t>((static_cast<int64_t>(value) * multiplier + (int64_t{1} << (shift - 1))) >> shift);
}

#if DLNET_DSP

DLNET_INLINE int32_t sat16(int32_t value) {
  int32_t out;
  __asm__("ssat %0, #16, %1" : "=r"(out) : "r"(value));
  return out;
}

// The same for a shift of 32 + extra_shift. extra_shift, 1 to 30, is the low byte of the argument: ASR reads no other.
// The last bit shifted out is the carry: adding it rounds.
DLNET_INLINE int32_t scale(int32_t value, int32_t multiplier, uint32_t extra_shift) {
  int32_t out;
  __asm__("smmul %0, %1, %2\n\tasrs %0, %0, %3\n\tadc %0, %0, #0"
          : "=&r"(out) : "r"(value), "r"(multiplier), "r"(extra_shift) : "cc");
  return out;
}

// (value * weight + 2^31) >> 32
DLNET_INLINE int32_t high_rounded(int32_t value, int32_t weight) {
  int32_t out;
  __asm__("smmulr %0, %1, %2" : "=r"(out) : "r"(value), "r"(weight));
  return out;
}

// sum + value * the low or the high half of a word; `value` fits 16 bits
DLNET_INLINE int32_t add_low(int32_t sum, int32_t value, uint32_t word) {
  int32_t out;
  __asm__("smlabb %0, %1, %2, %3" : "=r"(out) : "r"(value), "r"(word), "r"(sum));
  return out;
}
DLNET_INLINE int32_t add_high(int32_t sum, int32_t value, uint32_t word) {
  int32_t out;
  __asm__("smlabt %0, %1, %2, %3" : "=r"(out) : "r"(value), "r"(word), "r"(sum));
  return out;
}

// Load two words of a stream of constants and advance the pointer past them.
DLNET_INLINE void next_two(const uint32_t *&stream, int32_t &a, int32_t &b) {
  __asm__("ldrd %0, %1, [%2], #8" : "=&r"(a), "=&r"(b), "+r"(stream));
}

// to[i] = (from[i] + 4) >> 3 for both halves of each word: three halvings, each rounding down. The constants are loaded
// here by volatile code; otherwise the compiler keeps them in registers that the loop over neurons needs.
template <int words>
struct Eighths {
  static DLNET_INLINE void run(const uint32_t *from, uint32_t *to) {
    uint32_t four, none;
    __asm__ volatile("mov %0, #0x00040004\n\tmov %1, #0" : "=r"(four), "=r"(none));
    go(from, to, four, none);
  }
  static DLNET_INLINE void go(const uint32_t *from, uint32_t *to, uint32_t four, uint32_t none) {
    uint32_t word = *from;
    __asm__("shadd16 %0, %0, %1\n\tshadd16 %0, %0, %2\n\tshadd16 %0, %0, %2" : "+r"(word) : "r"(four), "r"(none));
    *to = word;
    Eighths<words - 1>::go(from + 1, to + 1, four, none);
  }
};

template <>
struct Eighths<0> {
  static DLNET_INLINE void go(const uint32_t *, uint32_t *, uint32_t, uint32_t) {}
};

// Linear interpolation in a table at |code|, with the sign of `code`; `code` may be outside the range of an int16.
DLNET_INLINE int32_t odd_look_up(const int16_t *table, int32_t code) {
  int32_t out, sign, pair;
  __asm__(
      "asr %[sign], %[code], #31\n\t"
      "eor %[out], %[code], %[sign]\n\t"
      "sub %[out], %[out], %[sign]\n\t"
      "usat %[out], #15, %[out]\n\t"              // u = min(|code|, 32767)
      "lsr %[pair], %[out], #7\n\t"
      "ldr %[pair], [%[table], %[pair], lsl #1]\n\t"  // entries i and i + 1
      "and %[out], %[out], #127\n\t"
      "rsb %[out], %[out], %[out], lsl #16\n\t"
      "add %[out], %[out], #128\n\t"              // halves 128 - f and f
      "smlad %[out], %[pair], %[out], %[half]\n\t"
      "eor %[out], %[sign], %[out], asr #7\n\t"
      "sub %[out], %[out], %[sign]"
      : [out] "=&r"(out), [sign] "=&r"(sign), [pair] "=&r"(pair)
      : [code] "r"(code), [table] "r"(table), [half] "r"(64), "m"(*reinterpret_cast<const int16_t(*)[257]>(table)));
  return out;
}

#define DLNET_LOAD_Z(registers) "ldmia %[z]!, {" registers "}\n\t"
#define DLNET_LOAD_W(registers) "ldmia %[w]!, {" registers "}\n\t"
#define DLNET_MAC(sum, weight, value) "smlad %[" sum "], " weight ", " value ", %[" sum "]\n\t"

// Dot products of two rows with the vector `z` of `words` words, added to `a` and `b`. The stream `w` holds the rows in
// blocks of `block_words`: a block of the first row, then the same block of the second; the last block may be shorter.
// Both pointers are advanced past what was read.
template <int words>
struct Dot {
  static DLNET_INLINE void run(const uint32_t *&w, const uint32_t *&z, int32_t &a, int32_t &b) {
    __asm__ volatile(
        DLNET_LOAD_Z("r3, r4, r5, r6") DLNET_LOAD_W("r8, r9, r10, r11")
        DLNET_MAC("a", "r8", "r3") DLNET_MAC("a", "r9", "r4") DLNET_MAC("a", "r10", "r5") DLNET_MAC("a", "r11", "r6")
        DLNET_LOAD_W("r8, r9, r10, r11")
        DLNET_MAC("b", "r8", "r3") DLNET_MAC("b", "r9", "r4") DLNET_MAC("b", "r10", "r5") DLNET_MAC("b", "r11", "r6")
        : [w] "+r"(w), [z] "+r"(z), [a] "+r"(a), [b] "+r"(b)
        :
        : "r3", "r4", "r5", "r6", "r8", "r9", "r10", "r11", "memory");
    Dot<words - block_words>::run(w, z, a, b);
  }
};

template <>
struct Dot<3> {
  static DLNET_INLINE void run(const uint32_t *&w, const uint32_t *&z, int32_t &a, int32_t &b) {
    __asm__ volatile(
        DLNET_LOAD_Z("r3, r4, r5") DLNET_LOAD_W("r8, r9, r10")
        DLNET_MAC("a", "r8", "r3") DLNET_MAC("a", "r9", "r4") DLNET_MAC("a", "r10", "r5")
        DLNET_LOAD_W("r8, r9, r10")
        DLNET_MAC("b", "r8", "r3") DLNET_MAC("b", "r9", "r4") DLNET_MAC("b", "r10", "r5")
        : [w] "+r"(w), [z] "+r"(z), [a] "+r"(a), [b] "+r"(b)
        :
        : "r3", "r4", "r5", "r8", "r9", "r10", "memory");
  }
};

template <>
struct Dot<2> {
  static DLNET_INLINE void run(const uint32_t *&w, const uint32_t *&z, int32_t &a, int32_t &b) {
    __asm__ volatile(
        DLNET_LOAD_Z("r3, r4") DLNET_LOAD_W("r8, r9, r10, r11")
        DLNET_MAC("a", "r8", "r3") DLNET_MAC("a", "r9", "r4") DLNET_MAC("b", "r10", "r3") DLNET_MAC("b", "r11", "r4")
        : [w] "+r"(w), [z] "+r"(z), [a] "+r"(a), [b] "+r"(b)
        :
        : "r3", "r4", "r8", "r9", "r10", "r11", "memory");
  }
};

template <>
struct Dot<1> {
  static DLNET_INLINE void run(const uint32_t *&w, const uint32_t *&z, int32_t &a, int32_t &b) {
    __asm__ volatile(
        "ldr r3, [%[z]], #4\n\t" DLNET_LOAD_W("r8, r9") DLNET_MAC("a", "r8", "r3") DLNET_MAC("b", "r9", "r3")
        : [w] "+r"(w), [z] "+r"(z), [a] "+r"(a), [b] "+r"(b)
        :
        : "r3", "r8", "r9", "memory");
  }
};

template <>
struct Dot<0> {
  static DLNET_INLINE void run(const uint32_t *&, const uint32_t *&, int32_t &, int32_t &) {}
};

// The same for weights of 4 bits, stored with an offset of 8, eight in a word: nibble k of the low and of the high half
// are the weights of word k of the vector's block. What the offset adds is subtracted first: Weight<4>::nibble_offset.
#define DLNET_NIBBLE(sum, shift, value) "and r9, %[mask], r8" shift "\n\t" DLNET_MAC(sum, "r9", value)
#define DLNET_NIBBLES_1(sum) "ldr r8, [%[w]], #4\n\t" DLNET_NIBBLE(sum, "", "r3")
#define DLNET_NIBBLES_2(sum) DLNET_NIBBLES_1(sum) DLNET_NIBBLE(sum, ", lsr #4", "r4")
#define DLNET_NIBBLES_3(sum) DLNET_NIBBLES_2(sum) DLNET_NIBBLE(sum, ", lsr #8", "r5")
#define DLNET_NIBBLES_4(sum) DLNET_NIBBLES_3(sum) DLNET_NIBBLE(sum, ", lsr #12", "r6")

template <int words>
struct NibbleBlocks {
  static DLNET_INLINE void run(const uint32_t *&w, const uint32_t *&z, int32_t &a, int32_t &b, uint32_t mask) {
    __asm__ volatile(DLNET_LOAD_Z("r3, r4, r5, r6") DLNET_NIBBLES_4("a") DLNET_NIBBLES_4("b")
                     : [w] "+r"(w), [z] "+r"(z), [a] "+r"(a), [b] "+r"(b)
                     : [mask] "r"(mask)
                     : "r3", "r4", "r5", "r6", "r8", "r9", "memory");
    NibbleBlocks<words - block_words>::run(w, z, a, b, mask);
  }
};

template <>
struct NibbleBlocks<3> {
  static DLNET_INLINE void run(const uint32_t *&w, const uint32_t *&z, int32_t &a, int32_t &b, uint32_t mask) {
    __asm__ volatile(DLNET_LOAD_Z("r3, r4, r5") DLNET_NIBBLES_3("a") DLNET_NIBBLES_3("b")
                     : [w] "+r"(w), [z] "+r"(z), [a] "+r"(a), [b] "+r"(b)
                     : [mask] "r"(mask)
                     : "r3", "r4", "r5", "r8", "r9", "memory");
  }
};

template <>
struct NibbleBlocks<2> {
  static DLNET_INLINE void run(const uint32_t *&w, const uint32_t *&z, int32_t &a, int32_t &b, uint32_t mask) {
    __asm__ volatile(DLNET_LOAD_Z("r3, r4") DLNET_NIBBLES_2("a") DLNET_NIBBLES_2("b")
                     : [w] "+r"(w), [z] "+r"(z), [a] "+r"(a), [b] "+r"(b)
                     : [mask] "r"(mask)
                     : "r3", "r4", "r8", "r9", "memory");
  }
};

template <>
struct NibbleBlocks<1> {
  static DLNET_INLINE void run(const uint32_t *&w, const uint32_t *&z, int32_t &a, int32_t &b, uint32_t mask) {
    __asm__ volatile("ldr r3, [%[z]], #4\n\t" DLNET_NIBBLES_1("a") DLNET_NIBBLES_1("b")
                     : [w] "+r"(w), [z] "+r"(z), [a] "+r"(a), [b] "+r"(b)
                     : [mask] "r"(mask)
                     : "r3", "r8", "r9", "memory");
  }
};

template <>
struct NibbleBlocks<0> {
  static DLNET_INLINE void run(const uint32_t *&, const uint32_t *&, int32_t &, int32_t &, uint32_t) {}
};

template <int words>
struct NibbleDot {
  static DLNET_INLINE void run(const uint32_t *&w, const uint32_t *&z, int32_t &a, int32_t &b) {
    NibbleBlocks<words>::run(w, z, a, b, 0x000f000fu);
  }
};

#undef DLNET_LOAD_Z
#undef DLNET_LOAD_W
#undef DLNET_MAC
#undef DLNET_NIBBLE
#undef DLNET_NIBBLES_1
#undef DLNET_NIBBLES_2
#undef DLNET_NIBBLES_3
#undef DLNET_NIBBLES_4

// sum + both halves of a word
DLNET_INLINE int32_t add_halves(int32_t sum, uint32_t word) {
  int32_t out;
  __asm__("smlad %0, %1, %2, %3" : "=r"(out) : "r"(word), "r"(0x00010001u), "r"(sum));
  return out;
}

#else

DLNET_INLINE int32_t sat16(int32_t value) { return value > 32767 ? 32767 : value < -32768 ? -32768 : value; }

DLNET_INLINE int32_t scale(int32_t value, int32_t multiplier, uint32_t extra_shift) {
  return scale_any(value, multiplier, 32 + static_cast<int>(extra_shift & 0xffu));
}

DLNET_INLINE int32_t high_rounded(int32_t value, int32_t weight) { return scale_any(value, weight, 32); }

DLNET_INLINE int32_t add_low(int32_t sum, int32_t value, uint32_t word) { return sum + value * low_half(word); }
DLNET_INLINE int32_t add_high(int32_t sum, int32_t value, uint32_t word) { return sum + value * high_half(word); }

DLNET_INLINE void next_two(const uint32_t *&stream, int32_t &a, int32_t &b) {
  a = static_cast<int32_t>(*stream++);
  b = static_cast<int32_t>(*stream++);
}

template <int words>
struct Eighths {
  static inline void run(const uint32_t *from, uint32_t *to) {
    for (int i = 0; i < words; ++i) to[i] = pack((low_half(from[i]) + 4) >> 3, (high_half(from[i]) + 4) >> 3);
  }
};

DLNET_INLINE int32_t odd_look_up(const int16_t *table, int32_t code) {
  const int32_t size = code < 0 ? -code : code, u = size > 32767 ? 32767 : size, i = u >> 7, f = u & 127;
  const int32_t line = table[i] + (((table[i + 1] - table[i]) * f + 64) >> 7);
  return code < 0 ? -line : line;
}

template <int words>
struct Dot {
  static inline void run(const uint32_t *&w, const uint32_t *&z, int32_t &a, int32_t &b) {
    for (int done = 0; done < words; done += block_words) {
      const int count = words - done < block_words ? words - done : block_words;
      for (int i = 0; i < count; ++i) {
        a += low_half(w[i]) * low_half(z[i]) + high_half(w[i]) * high_half(z[i]);
        b += low_half(w[count + i]) * low_half(z[i]) + high_half(w[count + i]) * high_half(z[i]);
      }
      w += 2 * count;
      z += count;
    }
  }
};

template <int words>
struct NibbleDot {
  static inline void run(const uint32_t *&w, const uint32_t *&z, int32_t &a, int32_t &b) {
    for (int i = 0; i < words; ++i) {
      const uint32_t *const both = w + i / block_words * 2;
      const int shift = i % block_words * 4;
      a += product(both[0] >> shift, z[i]);
      b += product(both[1] >> shift, z[i]);
    }
    w += (words + block_words - 1) / block_words * 2;
    z += words;
  }
  static inline int32_t product(uint32_t nibbles, uint32_t word) {
    return static_cast<int32_t>(nibbles & 15u) * low_half(word) +
           static_cast<int32_t>(nibbles >> 16 & 15u) * high_half(word);
  }
};

DLNET_INLINE int32_t add_halves(int32_t sum, uint32_t word) { return sum + low_half(word) + high_half(word); }

#endif

// Sum of the int16 in a vector of words.
template <int words>
struct HalfSum {
  static DLNET_INLINE int32_t of(const uint32_t *z) { return add_halves(HalfSum<words - 1>::of(z), z[words - 1]); }
};

template <>
struct HalfSum<0> {
  static DLNET_INLINE int32_t of(const uint32_t *) { return 0; }
};

// How weights are stored: those of 8 bits as int16, those of 4 bits packed, in units of 16.
template <int bits>
struct Weight;

template <>
struct Weight<8> {
  template <int words>
  static DLNET_INLINE int32_t nibble_offset(const uint32_t *) {
    return 0;
  }
  static DLNET_INLINE int32_t in_unit(int32_t sum) { return sum; }
};

template <>
struct Weight<4> {
  // Minus what the offset of 8 in every packed weight adds to a row's sum; the same for all rows.
  template <int words>
  static DLNET_INLINE int32_t nibble_offset(const uint32_t *z) {
    return -8 * HalfSum<words>::of(z);
  }
  static DLNET_INLINE int32_t in_unit(int32_t sum) { return sum * 16; }
};

template <int bits, int words>
struct Product : Dot<words> {};

template <int words>
struct Product<4, words> : NibbleDot<words> {};

}  // namespace dlnet
