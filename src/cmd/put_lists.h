/*
 * cmd/put_lists: lists of hashes that lie beside a file which goes by itself (MHL 1, md5sum and the
 * like). The list stays where it is; what it says of the file is told to the house, which holds the
 * file against it as it does when the list came along in a folder.
 */
#pragma once
#include <jansson.h>

struct put_lists;
struct put_lists *put_lists_open(void);
// The file `name` of a folder of the disk goes as `as`. A list that can not be read says nothing.
void put_lists_add(struct put_lists *l, const char *folder, const char *name, const char *as);
// ListWanted[]; the lists'. Empty: nothing is said.
const json_t *put_lists_wanted(const struct put_lists *l);
void put_lists_close(struct put_lists *l); // NULL is fine
