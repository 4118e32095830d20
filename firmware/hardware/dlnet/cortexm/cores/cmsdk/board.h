// Registers of the emulated board: the CMSDK UART, and SysTick and NVIC of the Armv7-M architecture.
#pragma once

#include <stdint.h>

struct CmsdkUart {
  volatile uint32_t data;
  volatile uint32_t state;
  volatile uint32_t control;
  volatile uint32_t interrupt;  // read: what is pending; write: clear it
  volatile uint32_t baud_divider;
};

struct SysTickTimer {
  volatile uint32_t control;
  volatile uint32_t reload;
  volatile uint32_t value;  // counts down
};

static CmsdkUart* const kUart = reinterpret_cast<CmsdkUart*>(0x40004000u);
static SysTickTimer* const kSysTick = reinterpret_cast<SysTickTimer*>(0xE000E010u);
static volatile uint32_t* const kNvicEnable = reinterpret_cast<volatile uint32_t*>(0xE000E100u);
static volatile uint32_t* const kInterruptControl = reinterpret_cast<volatile uint32_t*>(0xE000ED04u);

enum : uint32_t {
  kUartTransmitFull = 1u << 0,
  kUartReceiveFull = 1u << 1,
  kUartTransmit = 1u << 0,
  kUartReceive = 1u << 1,
  kUartReceiveInterrupt = 1u << 3,
  kUartReceiveInterruptFlag = 1u << 1,
  kUartReceiveIrq = 0,
  kSysTickOn = 7u,  // counts the core's clock, interrupts, enabled
  kSysTickPending = 1u << 26,
};

static inline void nvic_enable(uint32_t irq) { kNvicEnable[irq / 32] = 1u << (irq % 32); }
static inline void wait_for_interrupt() { __asm__ volatile("wfi" ::: "memory"); }
