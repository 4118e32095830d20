#include "Serial.h"

#include "board.h"

// Initialised statically: no constructor has to run before the first interrupt.
UartClass Serial;

void UartClass::begin(unsigned long baud) {
  const uint32_t divider = baud ? F_CPU / baud : 0;
  kUart->baud_divider = divider < 16 ? 16 : divider;  // the hardware refuses less
  kUart->control = kUartTransmit | kUartReceive | kUartReceiveInterrupt;
  nvic_enable(kUartReceiveIrq);
}

void UartClass::end() { kUart->control = 0; }

int UartClass::available() const { return static_cast<int>(head_ - tail_); }

int UartClass::peek() const { return head_ == tail_ ? -1 : ring_[tail_ % kRoom]; }

int UartClass::read() {
  const int value = peek();
  if (value >= 0) {
    tail_ = tail_ + 1;
    kUart->control |= kUartReceiveInterrupt;  // there is room again
  }
  return value;
}

void UartClass::flush() const {
  while (kUart->state & kUartTransmitFull) {
  }
}

int UartClass::availableForWrite() const { return kUart->state & kUartTransmitFull ? 0 : 1; }

size_t UartClass::write(uint8_t value) {
  flush();
  kUart->data = value;
  return 1;
}

void UartClass::receive() {
  kUart->interrupt = kUartReceiveInterruptFlag;
  while (kUart->state & kUartReceiveFull) {
    if (head_ - tail_ == kRoom) {
      // Leave the byte in the UART: the emulator then holds back the sender, so that nothing is lost.
      kUart->control &= ~kUartReceiveInterrupt;
      return;
    }
    ring_[head_ % kRoom] = static_cast<uint8_t>(kUart->data);
    head_ = head_ + 1;
  }
}

extern "C" void UartReceive_Handler(void) { Serial.receive(); }
