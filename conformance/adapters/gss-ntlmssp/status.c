/* Statuses of the mechanisms. */
#define _GNU_SOURCE
#include "status.h"

#include <stdio.h>

gss_OID_desc ntlmssp = NTLMSSP, spnego = SPNEGO;

void say(lw_call *call, OM_uint32 major, OM_uint32 minor, gss_OID mechanism) {
    gss_buffer_desc shown = GSS_C_EMPTY_BUFFER;
    OM_uint32 ignored, more = 0;
    char message[256];
    if (GSS_ERROR(major)) gss_display_status(&ignored, minor, GSS_C_MECH_CODE, mechanism, &more, &shown);
    snprintf(message, sizeof message, "%.*s", (int)shown.length, shown.value ? (char *)shown.value : "");
    lw_status_gss(call, major, minor, mechanism == &spnego ? "spnego" : "ntlmssp", shown.length ? message : NULL);
    gss_release_buffer(&ignored, &shown);
}
