// Hours, /proc/interrupts, and what programs say of the user: any bytes give an answer.
#include "farm/desk.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *at, size_t size)
{
    static bool minutes[DESK_WEEK];
    text said = {(const char *)at, size};
    (void)desk_hours(said, minutes);
    if (desk_interrupts(said) < 0 || desk_idle_ms(said) < -1 || desk_idle_since_us(said) < 0)
        abort();
    return 0;
}
