// Serial on the first UART of the CMSDK peripherals (Arm, Cortex-M System Design Kit, APB UART).
#pragma once

#include "Print.h"

class UartClass : public Print {
 public:
  /// Turn the UART on. The emulator's line has no speed: `baud` only sets the divider.
  void begin(unsigned long baud);
  void end();
  /// Bytes that wait to be read.
  int available() const;
  /// The next byte, or -1.
  int peek() const;
  int read();
  /// Wait until every byte has left.
  void flush() const;
  int availableForWrite() const;
  using Print::write;
  size_t write(uint8_t value) override;
  explicit operator bool() const { return true; }

  /// Called by the interrupt: takes what has come in.
  void receive();

 private:
  static constexpr unsigned kRoom = 256;  // as much as the USB serial of the real board keeps

  uint8_t ring_[kRoom] = {};
  volatile unsigned head_ = 0;  // counts bytes in; wraps with the type
  volatile unsigned tail_ = 0;  // counts bytes out
};

extern UartClass Serial;
