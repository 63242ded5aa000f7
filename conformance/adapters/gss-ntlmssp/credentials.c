/* Credentials of either package. */
#define _GNU_SOURCE
#include "credentials.h"

#include "environment.h"
#include "names.h"
#include "status.h"

#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_ntlmssp.h>
#include <stdlib.h>
#include <string.h>

/* Flags of the negotiation that the library begins with: NTLMSSP_DEFAULT_CLIENT_FLAGS and NTLMSSP_DEFAULT_SERVER_FLAGS
 * of its source. */
#define INITIATOR_BEGINS_WITH 0xA2008207u
#define ACCEPTOR_BEGINS_WITH 0xE200B237u

static gss_OID_desc begin_with = {GSS_NTLMSSP_NEG_FLAGS_OID_LENGTH, (void *)GSS_NTLMSSP_NEG_FLAGS_OID_STRING};
static gss_OID_set_desc below = {1, &ntlmssp};

static void release(void *value) {
    OM_uint32 minor;
    credential *held = value;
    if (held->handle) gss_release_cred(&minor, &held->handle);
    free(held);
}

lw_handles credentials = {NULL, release};

/* A package of the protocol: its mechanism, and what each role acquires. MIT's library finds out by the first token
 * whether there is a wrapper, so that an acceptor that negotiates has a credential for messages without one too. */
typedef struct {
    const char *name;
    gss_OID mechanism;
    gss_OID_set_desc initiator, acceptor;
} package;

static gss_OID_desc spnego_and_ntlmssp[] = {SPNEGO, NTLMSSP};

static package packages[] = {
    {"ntlm", &ntlmssp, {1, &ntlmssp}, {1, &ntlmssp}},
    {"negotiate", &spnego, {1, &spnego}, {2, spnego_and_ntlmssp}},
};

/* No other mechanism than the one under test is negotiated. */
static OM_uint32 only_ntlm(OM_uint32 *minor, const credential *held) {
    if (held->mechanism != &spnego) return GSS_S_COMPLETE;
    return gss_set_neg_mechs(minor, held->handle, &below);
}

/* Has the flags that the library begins with masked: its own choice, which has no name in its interface. */
static OM_uint32 mask_flags(OM_uint32 *minor, gss_cred_id_t *handle, uint32_t begin) {
    uint32_t flags = begin & environment.flags;
    gss_buffer_desc value = {sizeof flags, &flags};
    if (environment.flags == UINT32_MAX) return GSS_S_COMPLETE;
    return gss_set_cred_option(minor, handle, &begin_with, &value);
}

/* MIT's gss_acquire_cred_with_password takes no empty password; a credential store does. */
static OM_uint32 acquire_with_empty_password(OM_uint32 *minor, gss_name_t name, gss_OID_set mechanisms,
                                             gss_cred_id_t *handle) {
    gss_key_value_element_desc password = {GSS_NTLMSSP_CS_PASSWORD, ""};
    gss_key_value_set_desc store = {1, &password};
    return gss_acquire_cred_from(minor, name, GSS_C_INDEFINITE, mechanisms, GSS_C_INITIATE, &store, handle, NULL, NULL);
}

/* Returns 0 after answering. */
static int acquire_initiator(lw_call *call, OM_uint32 *major, OM_uint32 *minor, gss_OID_set mechanisms,
                             gss_cred_id_t *handle) {
    const lw_value *identity = lw_get(lw_request(call), "identity");
    gss_name_t name = GSS_C_NO_NAME;
    lw_bytes password;
    OM_uint32 ignored;
    if (!user_name(call, identity, major, minor, &name)) return 0;
    enum text has_password = text_of(call, lw_get(identity, "password"), &password);
    if (has_password == REFUSED) return gss_release_name(&ignored, &name), 0;
    if (GSS_ERROR(*major)) return 1;
    if (has_password == THERE && !password.size) {
        *major = acquire_with_empty_password(minor, name, mechanisms, handle);
    } else if (has_password == THERE) {
        gss_buffer_desc secret = {password.size, password.data};
        *major = gss_acquire_cred_with_password(minor, name, &secret, GSS_C_INDEFINITE, mechanisms, GSS_C_INITIATE,
                                                handle, NULL, NULL);
    } else {
        *major = gss_acquire_cred(minor, name, GSS_C_INDEFINITE, mechanisms, GSS_C_INITIATE, handle, NULL, NULL);
    }
    gss_release_name(&ignored, &name);
    return 1;
}

static void acquire_acceptor(lw_call *call, OM_uint32 *major, OM_uint32 *minor, gss_OID_set mechanisms,
                             gss_cred_id_t *handle) {
    lw_bytes none = {(unsigned char *)"", 0}, host = {(unsigned char *)environment.host, strlen(environment.host)};
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 ignored;
    *major = import_name(call, minor, &none, '@', &host, GSS_C_NT_HOSTBASED_SERVICE, &name);
    if (GSS_ERROR(*major)) return;
    *major = gss_acquire_cred(minor, name, GSS_C_INDEFINITE, mechanisms, GSS_C_ACCEPT, handle, NULL, NULL);
    gss_release_name(&ignored, &name);
}

/* Returns 0 after answering. */
static int acquire_handle(lw_call *call, package *wanted, OM_uint32 *major, OM_uint32 *minor, gss_cred_id_t *handle) {
    const char *role = lw_string(lw_get(lw_request(call), "role"));
    uint32_t flags = ACCEPTOR_BEGINS_WITH;
    if (role && !strcmp(role, "initiator")) {
        if (!acquire_initiator(call, major, minor, &wanted->initiator, handle)) return 0;
        flags = INITIATOR_BEGINS_WITH;
    } else if (lw_get(lw_request(call), "identity")) {
        lw_unsupported(call, "identity", "acceptor");
        return 0;
    } else {
        acquire_acceptor(call, major, minor, &wanted->acceptor, handle);
    }
    if (*handle && !GSS_ERROR(*major)) *major = mask_flags(minor, handle, flags);
    return 1;
}

void acquire(lw_call *call) {
    const lw_value *request = lw_request(call);
    const char *name = lw_string(lw_get(request, "package"));
    OM_uint32 major = 0, minor = 0;
    credential made = {GSS_C_NO_CREDENTIAL, GSS_C_NO_OID};
    package *wanted = NULL;
    for (size_t i = 0; name && i < sizeof packages / sizeof *packages; i++)
        if (!strcmp(packages[i].name, name)) wanted = &packages[i];
    if (!wanted) {
        lw_unsupported(call, "package", name);
        return;
    }
    made.mechanism = wanted->mechanism;
    if (made.mechanism == &spnego && !environment.with_mic) {
        lw_unsupported(call, "policy:send-mic", "SPNEGO asks for the MIC itself");
        return;
    }
    if (!acquire_handle(call, wanted, &major, &minor, &made.handle)) return;
    if (made.handle && !GSS_ERROR(major)) major = only_ntlm(&minor, &made);
    if (made.handle) {
        credential *held = malloc(sizeof *held);
        if (!held) abort();
        *held = made;
        lw_keep(&credentials, lw_number(lw_get(request, "credential")), held);
    }
    say(call, major, minor, made.mechanism);
}

void free_credential(lw_call *call) {
    credential *held = lw_drop(call, &credentials, lw_get(lw_request(call), "credential"));
    OM_uint32 minor = 0;
    if (!held) return;
    OM_uint32 major = gss_release_cred(&minor, &held->handle);
    say(call, major, minor, held->mechanism);
    free(held);
}
