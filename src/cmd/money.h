/*
 * cmd/money: an amount as people say it: "120 USD", "0.19".
 */
#pragma once
#include "base/text.h"

struct money {
    double amount;
    char currency[8]; // "": none was said
};
// False: it is no amount of 0 or more.
bool money_parse(const char *said, struct money *money);
