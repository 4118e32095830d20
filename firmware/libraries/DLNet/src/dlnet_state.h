// SPDX-License-Identifier: Apache-2.0
// Saved state: "DLN", format 3, the first eight bytes of the model's SHA-256, the rows, what a form knows of the life
// before them, CRC-32 of all before it.
#pragma once

#include "dlnet_life.h"

namespace dlnet {

// CRC-32 of IEEE 802.3 (as zlib's), continued from `crc`. Bit by bit: a table would take a kilobyte of flash.
inline uint32_t crc32(const uint8_t *bytes, size_t size, uint32_t crc = 0) {
  crc = ~crc;
  for (size_t i = 0; i < size; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1u)));
  }
  return ~crc;
}

template <class Model>
class State {
 public:
  static constexpr size_t end_of_rows = 12 + sizeof(Rows<Model>);
  static constexpr size_t size = end_of_rows + Life<Model>::stored + 4;

  static size_t save(const Rows<Model> &rows, const Life<Model> &life, uint8_t *buffer, size_t capacity) {
    if (capacity < size) return 0;
    memcpy(buffer, magic(), 4);
    memcpy(buffer + 4, Model::id, 8);
    memcpy(buffer + 12, &rows, sizeof rows);
    memcpy(buffer + end_of_rows, static_cast<const void *>(&life), Life<Model>::stored);
    const uint32_t crc = crc32(buffer, size - 4);
    memcpy(buffer + size - 4, &crc, 4);
    return size;
  }

  // `rows` and `life` are written only with ok.
  static Status load(Rows<Model> &rows, Life<Model> &life, const uint8_t *buffer, size_t bytes) {
    if (bytes < 12) return Status::bad_size;
    if (memcmp(buffer, magic(), 4) != 0) return Status::bad_format;
    if (memcmp(buffer + 4, Model::id, 8) != 0) return Status::other_model;
    if (bytes != size) return Status::bad_size;
    uint32_t crc;
    memcpy(&crc, buffer + size - 4, 4);
    if (crc != crc32(buffer, size - 4)) return Status::bad_checksum;
    if (!possible(buffer + 12)) return Status::bad_state;
    uint16_t count;
    memcpy(&count, buffer + 12 + offsetof(Rows<Model>, count), 2);
    if (!Life<Model>::possible(buffer + end_of_rows, count)) return Status::bad_state;
    memcpy(&rows, buffer + 12, sizeof rows);
    memcpy(static_cast<void *>(&life), buffer + end_of_rows, Life<Model>::stored);
    return Status::ok;
  }

 private:
  // Whether counts are what rows can lead to.
  static bool possible(const uint8_t *rows) {
    uint16_t count, flagged, known;
    int16_t absent;
    memcpy(&count, rows + offsetof(Rows<Model>, count), 2);
    memcpy(&flagged, rows + offsetof(Rows<Model>, flagged), 2);
    memcpy(&known, rows + offsetof(Rows<Model>, known), 2);
    memcpy(&absent, rows + offsetof(Rows<Model>, latest) + 2 * Model::inputs, 2);
    const uint8_t settled = rows[offsetof(Rows<Model>, settled)], held = rows[offsetof(Rows<Model>, held)];
    if (count > Model::window || flagged > Model::window || known > Model::memory || known > count) return false;
    if (absent < 0 || absent > Model::inputs) return false;
    return settled <= longest_check_up + 1 && held <= (settled > longest_check_up ? longest_check_up : 0);
  }

  static_assert(sizeof(Rows<Model>) == 12 + 4 * Model::inputs * Rows<Model>::code_words + 2 * Rows<Model>::latest_halves,
                "a saved state must have no padding");

  static const char *magic() { return "DLN\3"; }
};

}  // namespace dlnet
