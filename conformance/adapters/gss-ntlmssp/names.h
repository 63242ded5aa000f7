/* Texts of the protocol as the library has them: UTF-8, and names of its own forms. */
#ifndef NAMES_H
#define NAMES_H

#include "legwork_adapter.h"

#include <gssapi/gssapi.h>

enum text { ABSENT, THERE, REFUSED };

/* A text in UTF-8 and a zero byte that `size` does not count; REFUSED after answering that UTF-8 has no half of a
 * surrogate pair. */
enum text text_of(lw_call *call, const lw_value *value, lw_bytes *text);

/* Whether it is UTF-8; its UTF-16 code units. */
int units_of(lw_call *call, const lw_bytes *text, lw_bytes *units);

/* Imports a name made of two parts and a character between them. */
OM_uint32 import_name(lw_call *call, OM_uint32 *minor, const lw_bytes *left, char between, const lw_bytes *right,
                      gss_OID type, gss_name_t *name);

/* A user in the library's form `DOMAIN\user`; no name if the identity has neither user nor domain. Without a domain, a
 * name that has a separator itself is given an empty one, so that it is not taken apart. Returns 0 after answering. */
int user_name(lw_call *call, const lw_value *identity, OM_uint32 *major, OM_uint32 *minor, gss_name_t *name);

/* A target `service/host` in the form `service@host`. Returns 0 after answering. */
int target_name(lw_call *call, const lw_value *target, OM_uint32 *major, OM_uint32 *minor, gss_name_t *name);

#endif
