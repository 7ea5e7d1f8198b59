/*
 * cmd/signing: the key that this machine signs receipts with.
 *
 * sign.key in the house's folder when there is a house here, else in ~/.config/posthouse (or
 * $XDG_CONFIG_HOME/posthouse); made when it is
 * missing and `make`, else NOT_FOUND.
 */
#pragma once
#include "cmd/command.h"
#include "plat/sign.h"

MUST_CHECK struct sign_key *signing_key(const struct command_call *call, bool make,
                                        struct error *err);
