/*
 * cmd/offload_house: a card that was copied goes into a house too, from one of its copies.
 */
#pragma once
#include "cmd/offload_account.h"

// Puts `from` (a whole copy) as `posthouse put` does, then asks the house what it has: each file
// must be stored with the content that was read from the card. What file managers leave behind
// (.DS_Store) a house does not take. Fills house, house_whole and house_problem of *w.
void offload_to_house(struct offload_work *w, const char *from);
