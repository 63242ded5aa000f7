/* Speaks the Legwork adapter protocol for the packages NTLM and Negotiate of WinPR, both roles, through its SSPI function
 * table. Calls are translated and their results passed on. Handles that were deleted stay under their number, so that a
 * stale one can be shown to the library. */
#define _GNU_SOURCE
#include "legwork_adapter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <winpr/ntlm.h>
#include <winpr/sspi.h>
#include <winpr/string.h>

#define BUFFERS 8
#define NT_HASH 16

#define COMMON                                                                                                       \
    "\"observables\":[\"token\",\"status\",\"attributes\",\"handles\",\"buffers\",\"buffer-attributes\""
#define DRIVE(package, role, operations, observables)                                                                \
    "{\"package\":\"" package "\",\"role\":\"" role "\","                                                            \
    "\"operations\":[\"acquire\",\"free-credential\"," operations                                                   \
    "\"complete\",\"delete\",\"query\",\"seal\",\"unseal\"]," COMMON observables "],"                                \
    "\"forms\":[\"buffers\"],\"requirements\":4294967295,\"honours\":[\"bindings\",\"character-set:oem\","            \
    "\"identity\",\"leg\",\"package\",\"query\",\"target\"]}"

static const char hello[] =
    "{\"protocol\":1,\"name\":\"winpr\",\"version\":\"%s\",\"controls\":[],\"drives\":["
    DRIVE("ntlm", "initiator", "\"initialize\",", "") ","
    DRIVE("ntlm", "acceptor", "\"accept\",", ",\"peer-name\"") ","
    DRIVE("negotiate", "initiator", "\"initialize\",", "") ","
    DRIVE("negotiate", "acceptor", "\"accept\",", ",\"peer-name\"") "]}";

static SecurityFunctionTableW *library;
/* What the library keeps of contexts that are never deleted is lost with the process. */
static lw_handles credentials = {NULL, free}, contexts = {NULL, free};
/* The file of accounts that the library looks logons up in; it has no name outside this process. */
static int accounts = -1;

static void say(lw_call *call, SECURITY_STATUS status) { lw_status(call, "sspi", (uint32_t)status, NULL); }

/* --- Environment --------------------------------------------------------------------------------------------- */

/* `user:domain:LM hash:NT hash:` and the end of a line; the LM hash is left out. Whether the format can hold it. */
static int write_account(lw_call *call, FILE *file, const lw_value *account) {
    const char *user = lw_string(lw_get(lw_get(account, "user"), "text"));
    const char *domain = lw_string(lw_get(lw_get(account, "domain"), "text"));
    unsigned char hash[NT_HASH];
    lw_bytes password;
    if (!user || !domain || strpbrk(user, ":\r\n") || strpbrk(domain, ":\r\n") || *user == '#') return 0;
    if (strstr(user, "\xEF\xBF\xBD") || strstr(domain, "\xEF\xBF\xBD")) return 0;
    if (!lw_text(call, lw_get(account, "password"), &password)) return 0;
    if (!NTOWFv1W((LPWSTR)password.data, (UINT32)password.size, hash)) return 0;
    fprintf(file, "%s:%s::", user, domain);
    for (size_t i = 0; i < NT_HASH; i++) fprintf(file, "%02x", hash[i]);
    fputs(":::\n", file);
    return 1;
}

static void reset(lw_call *call) {
    const lw_value *list = lw_get(lw_get(lw_request(call), "environment"), "accounts"), *account;
    lw_forget(&contexts);
    lw_forget(&credentials);
    if (lw_refuse(call, NULL)) return;
    FILE *file = accounts < 0 || ftruncate(accounts, 0) ? NULL : fdopen(dup(accounts), "w");
    if (!file) {
        lw_fault(call, "no file for the accounts");
        return;
    }
    rewind(file);
    int stored = 1;
    for (size_t i = 0; stored && (account = lw_item(list, i)); i++) stored = write_account(call, file, account);
    if (fclose(file)) lw_fault(call, "the accounts were not written");
    else if (!stored) lw_unsupported(call, "account", "not-expressible-in-a-SAM-file");
    else lw_outcome(call);
}

/* --- Handles ------------------------------------------------------------------------------------------------- */

/* The handle under a number; one that was never given is what SSPI calls an invalid handle. */
static SecHandle *handle_of(const lw_handles *handles, const lw_value *number, SecHandle *invalid) {
    SecHandle *found = lw_peek(handles, number);
    SecInvalidateHandle(invalid);
    return found ? found : invalid;
}

static void keep(lw_handles *handles, const lw_value *number, const SecHandle *handle) {
    SecHandle *kept = malloc(sizeof *kept);
    *kept = *handle;
    lw_keep(handles, lw_number(number), kept);
}

/* --- Credentials --------------------------------------------------------------------------------------------- */

static void part(lw_call *call, const lw_value *identity, const char *name, UINT16 **text, UINT32 *length) {
    lw_bytes units;
    if (!lw_text(call, lw_get(identity, name), &units)) return;
    *text = (UINT16 *)units.data;
    *length = (UINT32)(units.size / 2);
}

static void acquire(lw_call *call) {
    const lw_value *request = lw_request(call), *given = lw_get(request, "identity");
    const char *package = lw_string(lw_get(request, "package")), *role = lw_string(lw_get(request, "role"));
    SEC_WINNT_AUTH_IDENTITY_W identity = {0};
    SEC_WCHAR name[64] = {0};
    SecHandle handle;
    TimeStamp expiry;
    if (!package || !role || strlen(package) > 63) {
        lw_fault(call, "no package or no role");
        return;
    }
    if (!strcmp(package, "ntlm")) package = "NTLM";
    if (!strcmp(package, "negotiate")) package = "Negotiate";
    for (size_t i = 0; package[i]; i++) name[i] = (unsigned char)package[i];
    part(call, given, "user", &identity.User, &identity.UserLength);
    part(call, given, "domain", &identity.Domain, &identity.DomainLength);
    part(call, given, "password", &identity.Password, &identity.PasswordLength);
    identity.Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE;
    ULONG use = strcmp(role, "acceptor") ? SECPKG_CRED_OUTBOUND : SECPKG_CRED_INBOUND;
    SECURITY_STATUS status = library->AcquireCredentialsHandleW(NULL, name, use, NULL, given ? &identity : NULL, NULL,
                                                                NULL, &handle, &expiry);
    if (status == SEC_E_OK) keep(&credentials, lw_get(request, "credential"), &handle);
    say(call, status);
}

static void free_credential(lw_call *call) {
    SecHandle invalid, *handle = handle_of(&credentials, lw_get(lw_request(call), "credential"), &invalid);
    say(call, library->FreeCredentialsHandle(handle));
}

/* --- Buffers ------------------------------------------------------------------------------------------------- */

typedef struct {
    SecBufferDesc list;
    SecBuffer buffers[BUFFERS];
} buffer_list;

/* The buffers of a list, each in a mapping of its own. Null if there is none in it. */
static SecBufferDesc *buffers_of(lw_call *call, const lw_value *from, buffer_list *to) {
    const lw_value *item;
    to->list.ulVersion = SECBUFFER_VERSION;
    to->list.pBuffers = to->buffers;
    to->list.cBuffers = 0;
    for (size_t i = 0; i < BUFFERS && (item = lw_item(from, i)); i++) {
        const lw_value *capacity = lw_get(item, "capacity");
        lw_bytes bytes = capacity ? lw_room(call, lw_number(capacity)) : lw_hex(call, lw_get(item, "bytes"));
        to->buffers[i].BufferType = (ULONG)(lw_number(lw_get(item, "kind")) | lw_number(lw_get(item, "attributes")));
        to->buffers[i].cbBuffer = (ULONG)bytes.size;
        to->buffers[i].pvBuffer = bytes.data;
        to->list.cBuffers++;
    }
    return to->list.cBuffers ? &to->list : NULL;
}

/* --- Legs ---------------------------------------------------------------------------------------------------- */

/* The token, if there is one. What a failed call left at its full capacity it did not write. */
static void add_token(lw_call *call, SECURITY_STATUS status, const buffer_list *output, const ULONG *capacity) {
    for (ULONG i = 0; i < output->list.cBuffers; i++) {
        const SecBuffer *buffer = &output->buffers[i];
        if (!buffer->cbBuffer || (status < 0 && buffer->cbBuffer == capacity[i])) continue;
        lw_add_buffer(call, buffer->BufferType, buffer->pvBuffer, buffer->cbBuffer);
    }
}

static void give_accounts(SecHandle *context) {
    char path[32];
    ULONG length = (ULONG)snprintf(path, sizeof path, "/proc/self/fd/%d", accounts);
    library->SetContextAttributesW(context, SECPKG_ATTR_AUTH_NTLM_SAM_FILE, path, length + 1);
}

static void leg(lw_call *call, int initiator) {
    const lw_value *request = lw_request(call), *number = lw_get(request, "context");
    const lw_value *reserved = lw_get(request, "reserved");
    SecHandle invalid[2], new_handle, *credential, *context = NULL;
    buffer_list input, output;
    ULONG capacity[BUFFERS], attributes = 0;
    TimeStamp expiry;
    lw_bytes target = {NULL, 0};
    SECURITY_STATUS status;
    credential = handle_of(&credentials, lw_get(request, "credential"), &invalid[0]);
    if (number) context = handle_of(&contexts, number, &invalid[1]);
    SecInvalidateHandle(&new_handle);
    SecHandle *made = context ? context : &new_handle;
    SecBufferDesc *in = buffers_of(call, lw_get(request, "input"), &input);
    SecBufferDesc *out = buffers_of(call, lw_get(request, "output"), &output);
    /* A buffer that the package is to allocate has no place yet. */
    for (ULONG i = 0; i < output.list.cBuffers; i++) {
        capacity[i] = output.buffers[i].cbBuffer;
        if (!lw_get(lw_item(lw_get(request, "output"), i), "capacity")) output.buffers[i].pvBuffer = NULL;
    }
    ULONG requirements = (ULONG)lw_number(lw_get(request, "requirements"));
    ULONG representation = (ULONG)lw_number(lw_get(request, "data-representation"));
    if (initiator) {
        lw_text(call, lw_get(request, "target"), &target);
        status = library->InitializeSecurityContextW(
            credential, context, (SEC_WCHAR *)target.data, requirements, (ULONG)lw_number(lw_item(reserved, 0)),
            representation, in, (ULONG)lw_number(lw_item(reserved, 1)), made, out, &attributes, &expiry);
    } else {
        status = library->AcceptSecurityContext(credential, context, in, requirements, representation, made, out,
                                                &attributes, &expiry);
    }
    if (!context && SecIsValidHandle(&new_handle)) {
        keep(&contexts, lw_get(request, "new-context"), &new_handle);
        if (!initiator) give_accounts(&new_handle);
    }
    say(call, status);
    lw_add_attributes(call, "sspi", attributes);
    add_token(call, status, &output, capacity);
}

static void initialize(lw_call *call) { leg(call, 1); }

static void accept_leg(lw_call *call) { leg(call, 0); }

static void complete(lw_call *call) {
    SecHandle invalid, *context = handle_of(&contexts, lw_get(lw_request(call), "context"), &invalid);
    buffer_list token;
    SecBufferDesc *list = buffers_of(call, lw_get(lw_request(call), "buffers"), &token);
    say(call, library->CompleteAuthToken(context, list));
}

static void delete_context(lw_call *call) {
    SecHandle invalid, *context = handle_of(&contexts, lw_get(lw_request(call), "context"), &invalid);
    say(call, library->DeleteSecurityContext(context));
}

/* --- Attributes of a context ---------------------------------------------------------------------------------- */

static void query_sizes(lw_call *call, SecHandle *context) {
    SecPkgContext_Sizes sizes = {0};
    SECURITY_STATUS status = library->QueryContextAttributesW(context, SECPKG_ATTR_SIZES, &sizes);
    say(call, status);
    if (status != SEC_E_OK) return;
    lw_add_value_number(call, "max-token", sizes.cbMaxToken);
    lw_add_value_number(call, "max-signature", sizes.cbMaxSignature);
    lw_add_value_number(call, "block-size", sizes.cbBlockSize);
    lw_add_value_number(call, "security-trailer", sizes.cbSecurityTrailer);
}

/* Who logged on, by an attribute of the library's own: two texts in UTF-8, joined as SSPI joins them. */
static void query_names(lw_call *call, SecHandle *context) {
    SecPkgContext_AuthIdentity identity;
    char name[sizeof identity];
    WCHAR *units = NULL;
    SECURITY_STATUS status = library->QueryContextAttributesW(context, SECPKG_ATTR_AUTH_IDENTITY, &identity);
    say(call, status);
    if (status != SEC_E_OK) return;
    snprintf(name, sizeof name, "%s%s%s", identity.Domain, *identity.Domain ? "\\" : "", identity.User);
    int count = ConvertToUnicode(CP_UTF8, 0, name, -1, &units, 0);
    if (count > 0) lw_add_value_text(call, "user", units, (size_t)count - 1);
    free(units);
}

/* An attribute that the library refuses; should it know one some day, the adapter has to learn what it says. */
static void query_other(lw_call *call, SecHandle *context, const char *attribute) {
    static const struct {
        const char *name;
        ULONG number;
    } numbers[] = {{"session-key", SECPKG_ATTR_SESSION_KEY},   {"flags", SECPKG_ATTR_FLAGS},
                   {"lifespan", SECPKG_ATTR_LIFESPAN},         {"package-info", SECPKG_ATTR_PACKAGE_INFO},
                   {"connection-info", 90},                    {"target-information", SECPKG_ATTR_TARGET_INFORMATION},
                   {"negotiation-info", SECPKG_ATTR_NEGOTIATION_INFO}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strcmp(numbers[i].name, attribute)) continue;
        SECURITY_STATUS status =
            library->QueryContextAttributesW(context, numbers[i].number, lw_room(call, 256).data);
        if (status < 0) say(call, status);
        else lw_unsupported(call, "query", attribute);
        return;
    }
    lw_unsupported(call, "query", attribute);
}

static void query(lw_call *call) {
    SecHandle invalid, *context = handle_of(&contexts, lw_get(lw_request(call), "context"), &invalid);
    const char *attribute = lw_string(lw_get(lw_request(call), "attribute"));
    if (!attribute) lw_fault(call, "no attribute");
    else if (!strcmp(attribute, "sizes")) query_sizes(call, context);
    else if (!strcmp(attribute, "names")) query_names(call, context);
    else query_other(call, context, attribute);
}

/* --- Messages ------------------------------------------------------------------------------------------------ */

static void protect(lw_call *call, int seals) {
    const lw_value *request = lw_request(call);
    const char *form = lw_string(lw_get(request, "form"));
    SecHandle invalid, *context = handle_of(&contexts, lw_get(request, "context"), &invalid);
    buffer_list message;
    ULONG quality = (ULONG)lw_number(lw_get(request, "quality"));
    ULONG sequence = (ULONG)lw_number(lw_get(request, "sequence"));
    if (!form || strcmp(form, "buffers")) {
        lw_unsupported(call, "form", form);
        return;
    }
    buffers_of(call, lw_get(request, "buffers"), &message);
    SECURITY_STATUS status = seals ? library->EncryptMessage(context, quality, &message.list, sequence)
                                   : library->DecryptMessage(context, &message.list, sequence, &quality);
    say(call, status);
    for (ULONG i = 0; status == SEC_E_OK && i < message.list.cBuffers; i++) {
        const SecBuffer *buffer = &message.buffers[i];
        lw_add_buffer(call, buffer->BufferType, buffer->pvBuffer, buffer->cbBuffer);
    }
}

static void seal(lw_call *call) { protect(call, 1); }

static void unseal(lw_call *call) { protect(call, 0); }

int main(void) {
    static const lw_handler handlers[] = {
        {"reset", reset},
        {"acquire", acquire},
        {"free-credential", free_credential},
        {"initialize", initialize},
        {"accept", accept_leg},
        {"complete", complete},
        {"delete", delete_context},
        {"query", query},
        {"seal", seal},
        {"unseal", unseal},
        {NULL, NULL},
    };
    static char told[sizeof hello + 64];
    snprintf(told, sizeof told, hello, winpr_get_version_string());
    sspi_GlobalInit();
    library = InitSecurityInterfaceExW(SSPI_INTERFACE_WINPR);
    accounts = memfd_create("accounts", MFD_CLOEXEC);
    int code = lw_run(told, handlers);
    lw_forget(&contexts);
    lw_forget(&credentials);
    return code;
}
