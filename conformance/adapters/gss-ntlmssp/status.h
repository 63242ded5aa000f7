/* Statuses of the mechanisms. */
#ifndef STATUS_H
#define STATUS_H

#include "legwork_adapter.h"

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ntlmssp.h>

#define NTLMSSP {GSS_NTLMSSP_OID_LENGTH, (void *)GSS_NTLMSSP_OID_STRING}
#define SPNEGO {6, (void *)"\x2b\x06\x01\x05\x05\x02"}

extern gss_OID_desc ntlmssp, spnego;

/* Answers with a status and, of an error, what the library says of the minor of a mechanism. */
void say(lw_call *call, OM_uint32 major, OM_uint32 minor, gss_OID mechanism);

#endif
