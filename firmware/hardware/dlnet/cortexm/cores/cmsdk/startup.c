// From reset to main(), and the fault handler.
#include <stdint.h>

extern uint32_t __data_start[], __data_end[], __data_load[], __bss_start[], __bss_end[], __stack_top[];
extern void (*__init_array_start[])(void);
extern void (*__init_array_end[])(void);

int main(void);
void SysTick_Handler(void);
void UartReceive_Handler(void);

// A call of a pure virtual function is a fault.
void __cxa_pure_virtual(void) { __asm__ volatile("udf #0"); }

// Writes `!fault` to the serial line, the only output that a host sees, and stops.
__attribute__((noreturn)) static void Fault_Handler(void) {
  volatile uint32_t* const uart = (volatile uint32_t*)0x40004000u;
  for (const char* text = "\n!fault\n"; *text; ++text) {
    while (uart[1] & 1u) {
    }
    uart[0] = (uint8_t)*text;
  }
  for (;;) __asm__ volatile("wfi");
}

__attribute__((noreturn)) void Reset_Handler(void) {
  *(volatile uint32_t*)0xE000ED88u |= 0xFu << 20;  // CPACR: the FPU is off after reset
  __asm__ volatile("dsb\nisb");
  // The linker script puts each of these pairs around one section; != is all that C allows between two objects.
  for (uint32_t *to = __data_start, *from = __data_load; to != __data_end;) *to++ = *from++;
  for (uint32_t* to = __bss_start; to != __bss_end;) *to++ = 0;
  for (void (**constructor)(void) = __init_array_start; constructor != __init_array_end; ++constructor) (*constructor)();
  main();
  for (;;) __asm__ volatile("wfi");
}

typedef void (*Handler)(void);

__attribute__((section(".vectors"), used)) static const struct {
  uint32_t* stack;
  Handler system[15];
  Handler irq[32];
} vectors = {
    .stack = __stack_top,
    .system = {Reset_Handler, Fault_Handler, Fault_Handler, Fault_Handler, Fault_Handler, Fault_Handler, 0, 0, 0, 0,
               Fault_Handler, Fault_Handler, 0, Fault_Handler, SysTick_Handler},
    .irq = {UartReceive_Handler},
};
