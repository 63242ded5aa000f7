/* Statuses of the one mechanism. */
#ifndef STATUS_H
#define STATUS_H

#include "legwork_adapter.h"

#include <gssapi/gssapi.h>

extern gss_OID_desc ntlmssp;

/* Answers with a status and, of an error, what the library says of the minor. */
void say(lw_call *call, OM_uint32 major, OM_uint32 minor);

#endif
