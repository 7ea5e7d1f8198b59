// engine/asked: the ticket on standard input, and the error that ends it.
#pragma once
#include "base/error.h"

#include <jansson.h>

json_t *asked_ticket(struct error *err); // a new reference; NULL: it is no JSON
void asked_refuse(const struct error *err);
