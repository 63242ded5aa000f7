/* Speaks the Legwork adapter protocol for the GSSAPI mechanism gss-ntlmssp, loaded by MIT's libgssapi_krb5, in both
 * roles. Calls are translated, results are passed on: major and minor status as they came. */
#define _GNU_SOURCE
#include "legwork_adapter.h"

#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_ntlmssp.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define UNITS "UTF-16LE"
#else
#define UNITS "UTF-16BE"
#endif

#define FILETIME_OF_1970 116444736000000000ull
#define FILETIME_SECOND 10000000ull
/* Longest line of NTLM_USER_FILE that is read as one, with its end (the library's documentation names no limit). */
#define ACCOUNT_LINE 1023

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

/* ASC_REQ_*: gss_accept_sec_context takes no flags and does as if these were asked for (replay detection, sequence detection,
 * confidentiality, datagram, integrity, allow missing bindings). */
#define ACCEPTOR_REQUIREMENTS 0x1002041Cu

typedef struct {
    gss_ctx_id_t handle;
    OM_uint32 flags;
} context;

static gss_OID_desc ntlmssp = {GSS_NTLMSSP_OID_LENGTH, (void *)GSS_NTLMSSP_OID_STRING};
static gss_OID_desc sequence_number = {GSS_NTLMSSP_SET_SEQ_NUM_OID_LENGTH, (void *)GSS_NTLMSSP_SET_SEQ_NUM_OID_STRING};
static gss_OID_set_desc mechanisms = {1, &ntlmssp};
/* What an acceptor's credential is acquired for: a service on the host of this name. */
static char host_name[256];
/* The accounts, in a file without a name that is gone with the process. */
static int accounts = -1;

static void release_credential(void *value) {
    OM_uint32 minor;
    gss_cred_id_t credential = value;
    gss_release_cred(&minor, &credential);
}

static void release_context(void *value) {
    OM_uint32 minor;
    context *held = value;
    if (held->handle) gss_delete_sec_context(&minor, &held->handle, GSS_C_NO_BUFFER);
    free(held);
}

static lw_handles credentials = {NULL, release_credential}, contexts = {NULL, release_context};

/* --- Text ---------------------------------------------------------------------------------------------------- */

/* Whether `from` could be converted; what came out. A zero byte follows, which `size` does not count. */
static int convert(lw_call *call, const char *from_code, const char *to_code, const lw_bytes *from, lw_bytes *to) {
    lw_bytes work = lw_room(call, from->size * 2 + 1);
    char *in = (char *)from->data, *out = (char *)work.data;
    size_t in_left = from->size, out_left = work.size;
    iconv_t converter = iconv_open(to_code, from_code);
    int done = converter != (iconv_t)-1 && iconv(converter, &in, &in_left, &out, &out_left) != (size_t)-1;
    if (converter != (iconv_t)-1) iconv_close(converter);
    size_t size = work.size - out_left;
    *to = lw_room(call, size + 1);
    memcpy(to->data, work.data, size);
    to->data[size] = 0;
    to->size = size;
    return done;
}

enum text { ABSENT, THERE, REFUSED };

/* A text in UTF-8; REFUSED after answering that UTF-8 has no half of a surrogate pair. */
static enum text text_of(lw_call *call, const lw_value *value, lw_bytes *text) {
    lw_bytes units;
    if (!lw_text(call, value, &units)) return ABSENT;
    if (convert(call, UNITS, "UTF-8", &units, text)) return THERE;
    lw_unsupported(call, "text:unpaired-surrogate", NULL);
    return REFUSED;
}

/* Imports a name made of two parts and a character between them. */
static OM_uint32 import_name(lw_call *call, OM_uint32 *minor, const lw_bytes *left, char between, const lw_bytes *right,
                             gss_OID type, gss_name_t *name) {
    size_t size = left->size + 1 + right->size;
    lw_bytes whole = lw_room(call, size);
    memcpy(whole.data, left->data, left->size);
    whole.data[left->size] = (unsigned char)between;
    memcpy(whole.data + left->size + 1, right->data, right->size);
    gss_buffer_desc buffer = {size, whole.data};
    return gss_import_name(minor, &buffer, type, name);
}

/* --- Environment --------------------------------------------------------------------------------------------- */

static void set(const char *name, const lw_value *value) {
    const char *text = lw_string(value);
    if (text) setenv(name, text, 1);
    else unsetenv(name);
}

/* Writes a line `DOMAIN:user:password`; returns 0 after answering that the format cannot hold the account. */
static int write_account(lw_call *call, const lw_value *account) {
    static const char *const names[] = {"domain", "user", "password"};
    char line[ACCOUNT_LINE + 1];
    size_t size = 0;
    for (int i = 0; i < 3; i++) {
        lw_bytes part = {(unsigned char *)"", 0};
        if (text_of(call, lw_get(account, names[i]), &part) == REFUSED) return 0;
        int odd = strlen((char *)part.data) != part.size || strpbrk((char *)part.data, ":\r\n") || (!i && part.data[0] == '#');
        if (odd || size + part.size + 2 > sizeof line) {
            lw_unsupported(call, "account:not-expressible-in-NTLM_USER_FILE", NULL);
            return 0;
        }
        memcpy(line + size, part.data, part.size);
        size += part.size;
        line[size++] = i < 2 ? ':' : '\n';
    }
    if (write(accounts, line, size) != (ssize_t)size) {
        lw_fault(call, "the accounts cannot be written");
        return 0;
    }
    return 1;
}

/* The library reads its settings from the environment, at each call. */
static void reset(lw_call *call) {
    static const char *const policies[] = {"lm-compatibility-level", NULL};
    const lw_value *environment = lw_get(lw_request(call), "environment"), *account;
    const lw_value *host = lw_get(environment, "host"), *level = lw_get(lw_get(environment, "policy"), policies[0]);
    lw_forget(&contexts);
    lw_forget(&credentials);
    if (lw_refuse(call, policies)) return;
    if (ftruncate(accounts, 0) || lseek(accounts, 0, SEEK_SET)) {
        lw_fault(call, "the accounts cannot be emptied");
        return;
    }
    for (size_t i = 0; (account = lw_item(lw_get(environment, "accounts"), i)); i++)
        if (!write_account(call, account)) return;
    char path[64], number[24];
    snprintf(path, sizeof path, "/proc/self/fd/%d", accounts);
    setenv("NTLM_USER_FILE", path, 1);
    set("NETBIOS_COMPUTER_NAME", lw_get(host, "netbios-computer"));
    set("NETBIOS_DOMAIN_NAME", lw_get(host, "netbios-domain"));
    const char *dns = lw_string(lw_get(host, "dns-computer"));
    snprintf(host_name, sizeof host_name, "%s", dns ? dns : "");
    snprintf(number, sizeof number, "%llu", (unsigned long long)lw_number(level));
    if (level) setenv("LM_COMPAT_LEVEL", number, 1);
    else unsetenv("LM_COMPAT_LEVEL");
    lw_outcome(call);
}

/* --- Credentials --------------------------------------------------------------------------------------------- */

/* A user in the library's form `DOMAIN\user`. Without a domain, a name that has a separator itself is given an empty one, so
 * that it is not taken apart. Returns 0 after answering. */
static int user_name(lw_call *call, const lw_value *identity, OM_uint32 *major, OM_uint32 *minor, gss_name_t *name) {
    lw_bytes user, domain = {(unsigned char *)"", 0};
    enum text has_user = text_of(call, lw_get(identity, "user"), &user), has_domain;
    if (has_user == REFUSED) return 0;
    if ((has_domain = text_of(call, lw_get(identity, "domain"), &domain)) == REFUSED) return 0;
    if (has_user == ABSENT && has_domain == ABSENT) return 1;
    if (has_user == ABSENT || memchr(domain.data, '\\', domain.size)) {
        lw_unsupported(call, "identity", has_user == ABSENT ? "domain-without-user" : "domain-with-separator");
        return 0;
    }
    if (has_domain == THERE || memchr(user.data, '@', user.size) || memchr(user.data, '\\', user.size)) {
        *major = import_name(call, minor, &domain, '\\', &user, GSS_C_NT_USER_NAME, name);
    } else {
        gss_buffer_desc plain = {user.size, user.data};
        *major = gss_import_name(minor, &plain, GSS_C_NT_USER_NAME, name);
    }
    return 1;
}

/* Returns 0 after answering. */
static int acquire_initiator(lw_call *call, OM_uint32 *major, OM_uint32 *minor, gss_cred_id_t *credential) {
    const lw_value *identity = lw_get(lw_request(call), "identity");
    gss_name_t name = GSS_C_NO_NAME;
    lw_bytes password;
    OM_uint32 ignored;
    if (!user_name(call, identity, major, minor, &name)) return 0;
    enum text has_password = text_of(call, lw_get(identity, "password"), &password);
    if (has_password == REFUSED) return gss_release_name(&ignored, &name), 0;
    if (GSS_ERROR(*major)) return 1;
    if (has_password == THERE) {
        gss_buffer_desc secret = {password.size, password.data};
        *major = gss_acquire_cred_with_password(minor, name, &secret, GSS_C_INDEFINITE, &mechanisms, GSS_C_INITIATE,
                                                credential, NULL, NULL);
    } else {
        *major = gss_acquire_cred(minor, name, GSS_C_INDEFINITE, &mechanisms, GSS_C_INITIATE, credential, NULL, NULL);
    }
    gss_release_name(&ignored, &name);
    return 1;
}

static void acquire_acceptor(lw_call *call, OM_uint32 *major, OM_uint32 *minor, gss_cred_id_t *credential) {
    lw_bytes none = {(unsigned char *)"", 0}, host = {(unsigned char *)host_name, strlen(host_name)};
    gss_name_t name = GSS_C_NO_NAME;
    OM_uint32 ignored;
    *major = import_name(call, minor, &none, '@', &host, GSS_C_NT_HOSTBASED_SERVICE, &name);
    if (GSS_ERROR(*major)) return;
    *major = gss_acquire_cred(minor, name, GSS_C_INDEFINITE, &mechanisms, GSS_C_ACCEPT, credential, NULL, NULL);
    gss_release_name(&ignored, &name);
}

static void acquire(lw_call *call) {
    const lw_value *request = lw_request(call);
    const char *package = lw_string(lw_get(request, "package")), *role = lw_string(lw_get(request, "role"));
    gss_cred_id_t credential = GSS_C_NO_CREDENTIAL;
    OM_uint32 major = 0, minor = 0;
    if (!package || strcmp(package, "ntlm")) {
        lw_unsupported(call, "package", package);
        return;
    }
    if (role && !strcmp(role, "initiator")) {
        if (!acquire_initiator(call, &major, &minor, &credential)) return;
    } else if (lw_get(request, "identity")) {
        lw_unsupported(call, "identity", "acceptor");
        return;
    } else {
        acquire_acceptor(call, &major, &minor, &credential);
    }
    if (credential) lw_keep(&credentials, lw_number(lw_get(request, "credential")), credential);
    lw_status_gss(call, major, minor);
}

static void free_credential(lw_call *call) {
    gss_cred_id_t credential = lw_drop(call, &credentials, lw_get(lw_request(call), "credential"));
    OM_uint32 minor;
    if (!credential) return;
    OM_uint32 major = gss_release_cred(&minor, &credential);
    lw_status_gss(call, major, minor);
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
static int find_leg(lw_call *call, gss_cred_id_t *credential, context **held) {
    const lw_value *request = lw_request(call), *reserved = lw_get(request, "reserved"), *number = lw_get(request, "context");
    if (lw_number(lw_item(reserved, 0)) || lw_number(lw_item(reserved, 1))) {
        lw_unsupported(call, "reserved", NULL);
        return 0;
    }
    if (!(*credential = lw_find(call, &credentials, lw_get(request, "credential")))) return 0;
    if (!number) {
        number = lw_get(request, "new-context");
        *held = calloc(1, sizeof **held);
        if (!*held) abort();
        lw_keep(&contexts, lw_number(number), *held);
        return 1;
    }
    return (*held = lw_find(call, &contexts, number)) != NULL;
}

/* No token need be sent where its length is zero (RFC 2744, 5.1 and 5.19). */
static void answer_leg(lw_call *call, OM_uint32 major, OM_uint32 minor, OM_uint32 flags, context *held, leg *made) {
    OM_uint32 ignored;
    lw_status_gss(call, major, minor);
    if (made->out.length) lw_add_buffer(call, LW_TOKEN, made->out.value, made->out.length);
    if (!GSS_ERROR(major)) lw_add_attributes(call, "gss", held->flags = flags);
    gss_release_buffer(&ignored, &made->out);
}

/* `service/host` in the form `service@host`; returns 0 after answering. */
static int target_name(lw_call *call, OM_uint32 *major, OM_uint32 *minor, gss_name_t *name) {
    lw_bytes target;
    enum text given = text_of(call, lw_get(lw_request(call), "target"), &target);
    if (given == REFUSED) return 0;
    unsigned char *slash = given == THERE ? memchr(target.data, '/', target.size) : NULL;
    if (!slash || slash == target.data) {
        lw_unsupported(call, "target", given == THERE ? "not-service/host" : "absent");
        return 0;
    }
    lw_bytes service = {target.data, (size_t)(slash - target.data)};
    lw_bytes host = {slash + 1, target.size - service.size - 1};
    *major = import_name(call, minor, &service, '@', &host, GSS_C_NT_HOSTBASED_SERVICE, name);
    return 1;
}

static void initialize(lw_call *call) {
    uint32_t requirements = (uint32_t)lw_number(lw_get(lw_request(call), "requirements"));
    OM_uint32 major = 0, minor = 0, ignored, wanted = 0, granted = 0;
    gss_name_t name = GSS_C_NO_NAME;
    gss_cred_id_t credential;
    context *held;
    leg made;
    if (!find_leg(call, &credential, &held) || !target_name(call, &major, &minor, &name)) return;
    for (size_t i = 0; i < sizeof initiator_flags / sizeof *initiator_flags; i++)
        if (requirements & initiator_flags[i].requirement) wanted |= initiator_flags[i].flag;
    read_leg(call, &made);
    if (!GSS_ERROR(major))
        major = gss_init_sec_context(&minor, credential, &held->handle, name, &ntlmssp, wanted, GSS_C_INDEFINITE,
                                     made.bound, made.in, NULL, &made.out, &granted, NULL);
    gss_release_name(&ignored, &name);
    answer_leg(call, major, minor, granted, held, &made);
}

static void accept_leg(lw_call *call) {
    OM_uint32 major, minor = 0, granted = 0;
    gss_cred_id_t credential;
    context *held;
    leg made;
    if (!find_leg(call, &credential, &held)) return;
    read_leg(call, &made);
    major = gss_accept_sec_context(&minor, &held->handle, credential, made.in, made.bound, NULL, NULL, &made.out, &granted,
                                   NULL, NULL);
    answer_leg(call, major, minor, granted, held, &made);
}

/* --- Contexts ------------------------------------------------------------------------------------------------ */

static context *find_context(lw_call *call) { return lw_find(call, &contexts, lw_get(lw_request(call), "context")); }

static void delete_context(lw_call *call) {
    context *held = lw_drop(call, &contexts, lw_get(lw_request(call), "context"));
    OM_uint32 minor = 0;
    if (!held) return;
    OM_uint32 major = gss_delete_sec_context(&minor, &held->handle, GSS_C_NO_BUFFER);
    lw_status_gss(call, major, minor);
    free(held);
}

static void export_context(lw_call *call) {
    context *held = find_context(call);
    gss_buffer_desc packed = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor = 0, ignored;
    if (!held) return;
    OM_uint32 major = gss_export_sec_context(&minor, &held->handle, &packed);
    lw_status_gss(call, major, minor);
    if (GSS_ERROR(major)) return;
    lw_add_buffer(call, LW_TOKEN, packed.value, packed.length);
    gss_release_buffer(&ignored, &packed);
    lw_drop(call, &contexts, lw_get(lw_request(call), "context"));
    release_context(held);
}

static void import_context(lw_call *call) {
    const lw_value *request = lw_request(call);
    context *held = calloc(1, sizeof *held);
    OM_uint32 minor = 0, ignored;
    lw_bytes bytes = {(unsigned char *)"", 0};
    if (!held) abort();
    lw_buffer(call, lw_get(request, "buffers"), LW_TOKEN, &bytes);
    gss_buffer_desc packed = {bytes.size, bytes.data};
    OM_uint32 major = gss_import_sec_context(&minor, &packed, &held->handle);
    if (held->handle) {
        gss_inquire_context(&ignored, held->handle, NULL, NULL, NULL, NULL, &held->flags, NULL, NULL);
        lw_keep(&contexts, lw_number(lw_get(request, "context")), held);
    } else {
        free(held);
    }
    lw_status_gss(call, major, minor);
}

static void query_session_key(lw_call *call, gss_ctx_id_t handle) {
    gss_buffer_set_t set = GSS_C_NO_BUFFER_SET;
    OM_uint32 minor = 0, ignored;
    OM_uint32 major = gss_inquire_sec_context_by_oid(&minor, handle, GSS_C_INQ_SSPI_SESSION_KEY, &set);
    lw_status_gss(call, major, minor);
    if (!GSS_ERROR(major) && set && set->count)
        lw_add_value_bytes(call, "session-key", set->elements[0].value, set->elements[0].length);
    gss_release_buffer_set(&ignored, &set);
}

static void query_names(lw_call *call, gss_ctx_id_t handle) {
    gss_name_t name = GSS_C_NO_NAME;
    gss_buffer_desc shown = GSS_C_EMPTY_BUFFER;
    OM_uint32 minor = 0, ignored;
    OM_uint32 major = gss_inquire_context(&minor, handle, &name, NULL, NULL, NULL, NULL, NULL, NULL);
    if (!GSS_ERROR(major)) major = gss_display_name(&minor, name, &shown, NULL);
    lw_bytes text = {shown.value, shown.length}, units;
    lw_status_gss(call, major, minor);
    if (!GSS_ERROR(major) && convert(call, "UTF-8", UNITS, &text, &units))
        lw_add_value_text(call, "user", (uint16_t *)(void *)units.data, units.size / 2);
    gss_release_buffer(&ignored, &shown);
    gss_release_name(&ignored, &name);
}

/* What gss_wrap adds to a message. */
static void query_sizes(lw_call *call, gss_ctx_id_t handle) {
    OM_uint32 minor = 0, room = 4096, left = 0;
    OM_uint32 major = gss_wrap_size_limit(&minor, handle, 1, GSS_C_QOP_DEFAULT, room, &left);
    lw_status_gss(call, major, minor);
    if (!GSS_ERROR(major)) lw_add_value_number(call, "security-trailer", room - left);
}

static void query_lifespan(lw_call *call, gss_ctx_id_t handle) {
    OM_uint32 minor = 0, seconds = 0;
    OM_uint32 major = gss_context_time(&minor, handle, &seconds);
    uint64_t expiry = FILETIME_OF_1970 + ((uint64_t)time(NULL) + seconds) * FILETIME_SECOND;
    lw_status_gss(call, major, minor);
    if (!GSS_ERROR(major)) lw_add_value_number(call, "expiry", expiry);
}

static void query_flags(lw_call *call, gss_ctx_id_t handle) {
    OM_uint32 minor = 0, flags = 0;
    OM_uint32 major = gss_inquire_context(&minor, handle, NULL, NULL, NULL, NULL, &flags, NULL, NULL);
    uint16_t units[11];
    char shown[12];
    snprintf(shown, sizeof shown, "0x%08x", flags);
    for (int i = 0; i < 10; i++) units[i] = (uint16_t)shown[i];
    lw_status_gss(call, major, minor);
    if (!GSS_ERROR(major)) lw_add_value_text(call, "flags", units, 10);
}

static void query(lw_call *call) {
    static const struct {
        const char *attribute;
        void (*answer)(lw_call *call, gss_ctx_id_t handle);
    } queries[] = {
        {"session-key", query_session_key}, {"names", query_names}, {"sizes", query_sizes},
        {"lifespan", query_lifespan},       {"flags", query_flags},
    };
    const char *attribute = lw_string(lw_get(lw_request(call), "attribute"));
    context *held = find_context(call);
    if (!held) return;
    for (size_t i = 0; attribute && i < sizeof queries / sizeof *queries; i++) {
        if (strcmp(queries[i].attribute, attribute)) continue;
        queries[i].answer(call, held->handle);
        return;
    }
    lw_unsupported(call, "query", attribute);
}

/* --- Messages ------------------------------------------------------------------------------------------------ */

/* The context of a per-message call and its data; a buffer that is not there is none. In datagram mode the caller numbers the
 * messages, which this library takes as an option of the context. Returns 0 after answering. */
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
    lw_status_gss(call, major, minor);
    return NULL;
}

static gss_qop_t quality(lw_call *call) { return (gss_qop_t)lw_number(lw_get(lw_request(call), "quality")); }

/* Answers with what came out, and gives it back to the library. */
static void answer_message(lw_call *call, OM_uint32 major, OM_uint32 minor, unsigned kind, gss_buffer_t out) {
    OM_uint32 ignored;
    lw_status_gss(call, major, minor);
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
    answer_message(call, major, minor, LW_TOKEN, &out);
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
    lw_status_gss(call, major, minor);
}

static void seal(lw_call *call) {
    gss_buffer_desc data, out = GSS_C_EMPTY_BUFFER;
    gss_buffer_t in;
    OM_uint32 minor = 0;
    context *held = message(call, "whole", &data, &in);
    if (!held) return;
    OM_uint32 major = gss_wrap(&minor, held->handle, 1, quality(call), in, NULL, &out);
    answer_message(call, major, minor, LW_DATA, &out);
}

static void unseal(lw_call *call) {
    gss_buffer_desc data, out = GSS_C_EMPTY_BUFFER;
    gss_buffer_t in;
    OM_uint32 minor = 0;
    context *held = message(call, "whole", &data, &in);
    if (!held) return;
    OM_uint32 major = gss_unwrap(&minor, held->handle, in, &out, NULL, NULL);
    answer_message(call, major, minor, LW_DATA, &out);
}

/* --- Hello --------------------------------------------------------------------------------------------------- */

#define OPERATIONS(call)                                                                                             \
    "\"operations\":[\"acquire\",\"free-credential\",\"" call "\",\"export\",\"import\",\"delete\",\"query\","       \
    "\"sign\",\"verify\",\"seal\",\"unseal\"],\"forms\":[\"whole\",\"detached\"]"
#define OBSERVABLES(more) "\"observables\":[\"token\",\"status\",\"attributes\",\"session-key\",\"per-message\"" more "]"

/* The version that the package manager has. */
static void ask_version(char *version, size_t room) {
    FILE *answer = popen("dpkg-query --show --showformat '${Version}' gss-ntlmssp", "r");
    size_t size = answer ? fread(version, 1, room - 1, answer) : 0;
    version[size] = 0;
    if (answer) pclose(answer);
}

static void make_hello(char *hello, size_t room) {
    static const char format[] =
        "{\"protocol\":1,\"name\":\"gss-ntlmssp\",\"version\":\"%s\",\"controls\":[\"host\"],\"drives\":["
        "{\"package\":\"ntlm\",\"role\":\"initiator\"," OPERATIONS("initialize") "," OBSERVABLES("") ",\"requirements\":%u},"
        "{\"package\":\"ntlm\",\"role\":\"acceptor\"," OPERATIONS("accept") "," OBSERVABLES(",\"peer-name\"")
        ",\"requirements\":%u}]}";
    uint32_t requirements = 0;
    char version[64];
    for (size_t i = 0; i < sizeof initiator_flags / sizeof *initiator_flags; i++)
        requirements |= initiator_flags[i].requirement;
    ask_version(version, sizeof version);
    snprintf(hello, room, format, version, requirements, ACCEPTOR_REQUIREMENTS);
}

int main(void) {
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
    char hello[2048];
    make_hello(hello, sizeof hello);
    accounts = memfd_create("accounts", MFD_CLOEXEC);
    if (accounts < 0) return 1;
    int code = lw_run(hello, handlers);
    lw_forget(&contexts);
    lw_forget(&credentials);
    return code;
}
