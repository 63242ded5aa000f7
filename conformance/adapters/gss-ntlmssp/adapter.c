/* Speaks the Legwork adapter protocol for the GSSAPI mechanism gss-ntlmssp, loaded by MIT's libgssapi_krb5, in both
 * roles. Calls are translated, results are passed on: major and minor status as they came. */
#define _GNU_SOURCE
#include "credentials.h"
#include "environment.h"
#include "hello.h"
#include "names.h"
#include "status.h"

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_ntlmssp.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILETIME_OF_1970 116444736000000000ull
#define FILETIME_SECOND 10000000ull

/* A requirement bit of SSPI, and the flag of GSS-API that asks for the same. */
typedef struct {
    uint32_t requirement;
    OM_uint32 flag;
} flag;

/* ISC_REQ_*. */
static const flag initiator_flags[] = {
    {0x00000001, GSS_C_DELEG_FLAG},   {0x00000002, GSS_C_MUTUAL_FLAG},   {0x00000004, GSS_C_REPLAY_FLAG},
    {0x00000008, GSS_C_SEQUENCE_FLAG}, {0x00000010, GSS_C_CONF_FLAG},     {0x00000200, GSS_C_DCE_STYLE},
    {0x00000400, GSS_C_DATAGRAM_FLAG}, {0x00010000, GSS_C_INTEG_FLAG},    {0x00020000, GSS_C_IDENTIFY_FLAG},
    {0x00040000, GSS_C_ANON_FLAG},
};

/* ASC_REQ_*: gss_accept_sec_context takes no flags and does as if these were asked for (replay detection, sequence
 * detection, confidentiality, integrity, allow missing bindings). */
#define ACCEPTOR_REQUIREMENTS 0x1002001Cu

/* ISC_REQ_ALLOCATE_MEMORY, ASC_REQ_ALLOCATE_MEMORY: the library allocates its tokens, asked or not. */
#define ALLOCATE_MEMORY 0x00000100u

typedef struct {
    gss_ctx_id_t handle;
    OM_uint32 flags;
    /* That of the credential it began with. */
    gss_OID mechanism;
} context;

static gss_OID_desc sequence_number = {GSS_NTLMSSP_SET_SEQ_NUM_OID_LENGTH, (void *)GSS_NTLMSSP_SET_SEQ_NUM_OID_STRING};
static gss_OID_desc require_mic = {GSS_SPNEGO_REQUIRE_MIC_OID_LENGTH, (void *)GSS_SPNEGO_REQUIRE_MIC_OID_STRING};
/* Whether an initiator asks for a MIC at all. */
static int with_mic = 1;

static void release_context(void *value) {
    OM_uint32 minor;
    context *held = value;
    if (held->handle) gss_delete_sec_context(&minor, &held->handle, GSS_C_NO_BUFFER);
    free(held);
}

static lw_handles contexts = {NULL, release_context};

static void reset(lw_call *call) {
    lw_forget(&contexts);
    lw_forget(&credentials);
    if (set_environment(call)) lw_outcome(call);
}

/* --- Legs ---------------------------------------------------------------------------------------------------- */

/* The buffers of a leg as the library takes them; no buffer where there is none in the request. */
typedef struct {
    gss_buffer_desc token, out;
    gss_buffer_t in;
    struct gss_channel_bindings_struct bindings;
    gss_channel_bindings_t bound;
} leg;

static lw_bytes bytes_of_hex(lw_call *call, const char *hex) {
    lw_bytes bytes = lw_room(call, hex ? strlen(hex) / 2 : 0);
    for (size_t i = 0; i < bytes.size; i++) {
        const char digits[] = {hex[2 * i], hex[2 * i + 1], 0};
        bytes.data[i] = (unsigned char)strtoul(digits, NULL, 16);
    }
    return bytes;
}

static void read_leg(lw_call *call, leg *made) {
    const lw_value *request = lw_request(call), *bindings = lw_get(request, "bindings");
    lw_bytes bytes;
    memset(made, 0, sizeof *made);
    if (lw_buffer(call, lw_get(request, "input"), LW_TOKEN, &bytes)) {
        made->token = (gss_buffer_desc){bytes.size, bytes.data};
        made->in = &made->token;
    }
    if (!bindings) return;
    bytes = bytes_of_hex(call, lw_string(bindings));
    made->bindings.application_data = (gss_buffer_desc){bytes.size, bytes.data};
    made->bound = &made->bindings;
}

/* The credential and the context of a leg; 0 after answering. */
static int find_leg(lw_call *call, credential **by, context **held) {
    const lw_value *request = lw_request(call), *reserved = lw_get(request, "reserved");
    const lw_value *number = lw_get(request, "context");
    if (lw_number(lw_item(reserved, 0)) || lw_number(lw_item(reserved, 1))) {
        lw_unsupported(call, "reserved", NULL);
        return 0;
    }
    if (!(*by = lw_find(call, &credentials, lw_get(request, "credential")))) return 0;
    if (!number) {
        number = lw_get(request, "new-context");
        *held = calloc(1, sizeof **held);
        if (!*held) abort();
        (*held)->mechanism = (*by)->mechanism;
        lw_keep(&contexts, lw_number(number), *held);
        return 1;
    }
    return (*held = lw_find(call, &contexts, number)) != NULL;
}

/* The flags of a NEGOTIATE or CHALLENGE message, in a wrapper or without one; none of another token. */
static uint32_t flags_of(const gss_buffer_desc *token) {
    const unsigned char *end = (unsigned char *)token->value + token->length;
    const unsigned char *bytes = token->length ? memmem(token->value, token->length, "NTLMSSP", 8) : NULL;
    size_t at = !bytes || end - bytes < 24 ? 0 : bytes[8] == 1 ? 12 : bytes[8] == 2 ? 20 : 0;
    uint32_t flags = 0;
    for (size_t i = 0; at && i < 4; i++) flags |= (uint32_t)bytes[at + i] << 8 * i;
    return flags;
}

/* No token need be sent where its length is zero (RFC 2744, 5.1 and 5.19). */
static void answer_leg(lw_call *call, OM_uint32 major, OM_uint32 minor, OM_uint32 flags, context *held, leg *made) {
    OM_uint32 ignored;
    if (flags_of(&made->out) & ~environment.flags) {
        lw_unsupported(call, "policy:flags-that-the-library-adds", NULL);
        gss_release_buffer(&ignored, &made->out);
        return;
    }
    say(call, major, minor, held->mechanism);
    if (made->out.length) lw_add_buffer(call, LW_TOKEN, made->out.value, made->out.length);
    if (!GSS_ERROR(major)) lw_add_attributes(call, "gss", held->flags = flags);
    gss_release_buffer(&ignored, &made->out);
}

/* The mechanism puts a MIC into its last message only for callers that asked whether SPNEGO needs one. */
static void ask_for_mic(gss_ctx_id_t handle) {
    gss_buffer_set_t set = GSS_C_NO_BUFFER_SET;
    OM_uint32 minor;
    gss_inquire_sec_context_by_oid(&minor, handle, &require_mic, &set);
    gss_release_buffer_set(&minor, &set);
}

static void initialize(lw_call *call) {
    uint32_t requirements = (uint32_t)lw_number(lw_get(lw_request(call), "requirements"));
    OM_uint32 major = 0, minor = 0, ignored, wanted = 0, granted = 0;
    gss_name_t name = GSS_C_NO_NAME;
    credential *by;
    context *held;
    leg made;
    if (!find_leg(call, &by, &held)) return;
    if (!target_name(call, lw_get(lw_request(call), "target"), &major, &minor, &name)) return;
    for (size_t i = 0; i < sizeof initiator_flags / sizeof *initiator_flags; i++)
        if (requirements & initiator_flags[i].requirement) wanted |= initiator_flags[i].flag;
    read_leg(call, &made);
    if (!GSS_ERROR(major))
        major = gss_init_sec_context(&minor, by->handle, &held->handle, name, held->mechanism, wanted, GSS_C_INDEFINITE,
                                     made.bound, made.in, NULL, &made.out, &granted, NULL);
    gss_release_name(&ignored, &name);
    if (with_mic && environment.with_mic && held->mechanism == &ntlmssp && major == GSS_S_CONTINUE_NEEDED)
        ask_for_mic(held->handle);
    answer_leg(call, major, minor, granted, held, &made);
}

static void accept_leg(lw_call *call) {
    OM_uint32 major, minor = 0, granted = 0;
    credential *by;
    context *held;
    leg made;
    if (!find_leg(call, &by, &held)) return;
    read_leg(call, &made);
    /* An empty token has MIT's library speak first. */
    if (!made.in && !held->handle && held->mechanism == &spnego) made.in = &made.token;
    major = gss_accept_sec_context(&minor, &held->handle, by->handle, made.in, made.bound, NULL, NULL, &made.out,
                                   &granted, NULL, NULL);
    answer_leg(call, major, minor, granted, held, &made);
}

/* --- Contexts ------------------------------------------------------------------------------------------------ */

static context *find_context(lw_call *call) { return lw_find(call, &contexts, lw_get(lw_request(call), "context")); }

static void delete_context(lw_call *call) {
    context *held = lw_drop(call, &contexts, lw_get(lw_request(call), "context"));
    OM_uint32 minor = 0;
    if (!held) return;
    OM_uint32 major = gss_delete_sec_context(&minor, &held->handle, GSS_C_NO_BUFFER);
    say(call, major, minor, held->mechanism);
    free(held);
}

static void export_context(lw_call *call) {
    context *held = find_context(call);
    gss_buffer_desc packed = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor = 0, ignored;
    if (!held) return;
    OM_uint32 major = gss_export_sec_context(&minor, &held->handle, &packed);
    say(call, major, minor, held->mechanism);
    if (GSS_ERROR(major)) return;
    lw_add_buffer(call, LW_TOKEN, packed.value, packed.length);
    gss_release_buffer(&ignored, &packed);
    lw_drop(call, &contexts, lw_get(lw_request(call), "context"));
    release_context(held);
}

static void import_context(lw_call *call) {
    const lw_value *request = lw_request(call);
    const char *package = lw_string(lw_get(request, "package"));
    gss_OID mechanism = package && !strcmp(package, "negotiate") ? &spnego : &ntlmssp;
    context *held = calloc(1, sizeof *held);
    OM_uint32 minor = 0, ignored;
    lw_bytes bytes = {(unsigned char *)"", 0};
    if (!held) abort();
    held->mechanism = mechanism;
    lw_buffer(call, lw_get(request, "buffers"), LW_TOKEN, &bytes);
    gss_buffer_desc packed = {bytes.size, bytes.data};
    OM_uint32 major = gss_import_sec_context(&minor, &packed, &held->handle);
    if (held->handle) {
        gss_inquire_context(&ignored, held->handle, NULL, NULL, NULL, NULL, &held->flags, NULL, NULL);
        lw_keep(&contexts, lw_number(lw_get(request, "context")), held);
    } else {
        free(held);
    }
    say(call, major, minor, mechanism);
}

static void query_session_key(lw_call *call, const context *held) {
    gss_buffer_set_t set = GSS_C_NO_BUFFER_SET;
    OM_uint32 minor = 0, ignored;
    OM_uint32 major = gss_inquire_sec_context_by_oid(&minor, held->handle, GSS_C_INQ_SSPI_SESSION_KEY, &set);
    say(call, major, minor, held->mechanism);
    if (!GSS_ERROR(major) && set && set->count)
        lw_add_value_bytes(call, "session-key", set->elements[0].value, set->elements[0].length);
    gss_release_buffer_set(&ignored, &set);
}

static void query_names(lw_call *call, const context *held) {
    gss_name_t name = GSS_C_NO_NAME;
    gss_buffer_desc shown = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor = 0, ignored;
    OM_uint32 major = gss_inquire_context(&minor, held->handle, &name, NULL, NULL, NULL, NULL, NULL, NULL);
    if (!GSS_ERROR(major)) major = gss_display_name(&minor, name, &shown, NULL);
    lw_bytes text = {shown.value, shown.length}, units;
    say(call, major, minor, held->mechanism);
    if (!GSS_ERROR(major) && units_of(call, &text, &units))
        lw_add_value_text(call, "user", (uint16_t *)(void *)units.data, units.size / 2);
    gss_release_buffer(&ignored, &shown);
    gss_release_name(&ignored, &name);
}

/* What gss_wrap adds to a message. */
static void query_sizes(lw_call *call, const context *held) {
    OM_uint32 minor = 0, room = 4096, left = 0;
    OM_uint32 major = gss_wrap_size_limit(&minor, held->handle, 1, GSS_C_QOP_DEFAULT, room, &left);
    say(call, major, minor, held->mechanism);
    if (!GSS_ERROR(major)) lw_add_value_number(call, "security-trailer", room - left);
}

static void query_lifespan(lw_call *call, const context *held) {
    OM_uint32 minor = 0, seconds = 0;
    OM_uint32 major = gss_context_time(&minor, held->handle, &seconds);
    uint64_t expiry = FILETIME_OF_1970 + ((uint64_t)time(NULL) + seconds) * FILETIME_SECOND;
    say(call, major, minor, held->mechanism);
    if (!GSS_ERROR(major)) lw_add_value_number(call, "expiry", expiry);
}

static void query_flags(lw_call *call, const context *held) {
    OM_uint32 minor = 0, flags = 0;
    OM_uint32 major = gss_inquire_context(&minor, held->handle, NULL, NULL, NULL, NULL, &flags, NULL, NULL);
    char shown[12];
    snprintf(shown, sizeof shown, "0x%08x", flags);
    say(call, major, minor, held->mechanism);
    if (!GSS_ERROR(major)) lw_add_value_string(call, "flags", shown);
}

static void query(lw_call *call) {
    static const struct {
        const char *attribute;
        void (*answer)(lw_call *call, const context *held);
    } queries[] = {
        {"session-key", query_session_key}, {"names", query_names}, {"sizes", query_sizes},
        {"lifespan", query_lifespan},       {"flags", query_flags},
    };
    const char *attribute = lw_string(lw_get(lw_request(call), "attribute"));
    context *held = find_context(call);
    if (!held) return;
    for (size_t i = 0; attribute && i < sizeof queries / sizeof *queries; i++) {
        if (strcmp(queries[i].attribute, attribute)) continue;
        queries[i].answer(call, held);
        return;
    }
    lw_unsupported(call, "query", attribute);
}

/* --- Messages ------------------------------------------------------------------------------------------------ */

/* The context of a per-message call and its data; a buffer that is not there is none. In datagram mode the caller
 * numbers the messages, which this library takes as an option of the context. Returns null after answering. */
static context *message(lw_call *call, const char *form, gss_buffer_desc *data, gss_buffer_t *given) {
    const lw_value *request = lw_request(call);
    const char *asked = lw_string(lw_get(request, "form"));
    uint32_t sequence = (uint32_t)lw_number(lw_get(request, "sequence"));
    gss_buffer_desc number = {sizeof sequence, &sequence};
    OM_uint32 minor = 0;
    lw_bytes bytes;
    if (!asked || strcmp(asked, form)) return lw_unsupported(call, "form", asked), NULL;
    context *held = find_context(call);
    if (!held) return NULL;
    *given = GSS_C_NO_BUFFER;
    if (lw_buffer(call, lw_get(request, "buffers"), LW_DATA, &bytes)) {
        *data = (gss_buffer_desc){bytes.size, bytes.data};
        *given = data;
    }
    if (!(held->flags & GSS_C_DATAGRAM_FLAG) || !held->handle) return held;
    OM_uint32 major = gss_set_sec_context_option(&minor, &held->handle, &sequence_number, &number);
    if (!GSS_ERROR(major)) return held;
    say(call, major, minor, held->mechanism);
    return NULL;
}

static gss_qop_t quality(lw_call *call) { return (gss_qop_t)lw_number(lw_get(lw_request(call), "quality")); }

/* Answers with what came out, and gives it back to the library. */
static void answer_message(lw_call *call, const context *held, OM_uint32 major, OM_uint32 minor, unsigned kind,
                           gss_buffer_t out) {
    OM_uint32 ignored;
    say(call, major, minor, held->mechanism);
    if (!GSS_ERROR(major)) lw_add_buffer(call, kind, out->value, out->length);
    gss_release_buffer(&ignored, out);
}

static void sign(lw_call *call) {
    gss_buffer_desc data, out = GSS_C_EMPTY_BUFFER;
    gss_buffer_t in;
    OM_uint32 minor = 0;
    context *held = message(call, "detached", &data, &in);
    if (!held) return;
    OM_uint32 major = gss_get_mic(&minor, held->handle, quality(call), in, &out);
    answer_message(call, held, major, minor, LW_TOKEN, &out);
}

static void verify(lw_call *call) {
    gss_buffer_desc data, signature;
    gss_buffer_t in, token = GSS_C_NO_BUFFER;
    OM_uint32 minor = 0;
    lw_bytes bytes;
    context *held = message(call, "detached", &data, &in);
    if (!held) return;
    if (lw_buffer(call, lw_get(lw_request(call), "buffers"), LW_TOKEN, &bytes)) {
        signature = (gss_buffer_desc){bytes.size, bytes.data};
        token = &signature;
    }
    OM_uint32 major = gss_verify_mic(&minor, held->handle, in, token, NULL);
    say(call, major, minor, held->mechanism);
}

static void seal(lw_call *call) {
    gss_buffer_desc data, out = GSS_C_EMPTY_BUFFER;
    gss_buffer_t in;
    OM_uint32 minor = 0;
    context *held = message(call, "whole", &data, &in);
    if (!held) return;
    OM_uint32 major = gss_wrap(&minor, held->handle, 1, quality(call), in, NULL, &out);
    answer_message(call, held, major, minor, LW_DATA, &out);
}

static void unseal(lw_call *call) {
    gss_buffer_desc data, out = GSS_C_EMPTY_BUFFER;
    gss_buffer_t in;
    OM_uint32 minor = 0;
    context *held = message(call, "whole", &data, &in);
    if (!held) return;
    OM_uint32 major = gss_unwrap(&minor, held->handle, in, &out, NULL, NULL);
    answer_message(call, held, major, minor, LW_DATA, &out);
}

int main(int count, char **arguments) {
    static const lw_handler handlers[] = {
        {"reset", reset},
        {"acquire", acquire},
        {"free-credential", free_credential},
        {"initialize", initialize},
        {"accept", accept_leg},
        {"export", export_context},
        {"import", import_context},
        {"delete", delete_context},
        {"query", query},
        {"sign", sign},
        {"verify", verify},
        {"seal", seal},
        {"unseal", unseal},
        {NULL, NULL},
    };
    char hello[4096];
    uint32_t requirements = ALLOCATE_MEMORY;
    /* The library compares names in the character set of the locale, and hands them out in UTF-8 whatever it is. */
    if (!setlocale(LC_CTYPE, "C.UTF-8")) return 1;
    with_mic = count < 2 || strcmp(arguments[1], "without-mic");
    for (size_t i = 0; i < sizeof initiator_flags / sizeof *initiator_flags; i++)
        requirements |= initiator_flags[i].requirement;
    make_hello(hello, sizeof hello, requirements, ACCEPTOR_REQUIREMENTS | ALLOCATE_MEMORY);
    if (!open_files()) return 1;
    int code = lw_run(hello, handlers);
    lw_forget(&contexts);
    lw_forget(&credentials);
    return code;
}
