/* Credentials of either package. */
#ifndef CREDENTIALS_H
#define CREDENTIALS_H

#include "legwork_adapter.h"

#include <gssapi/gssapi.h>

typedef struct {
    gss_cred_id_t handle;
    /* What contexts are begun with, and what their minor statuses are of. */
    gss_OID mechanism;
} credential;

extern lw_handles credentials;

void acquire(lw_call *call);

void free_credential(lw_call *call);

#endif
