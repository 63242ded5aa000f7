/* Speaks the Legwork adapter protocol for the packages NTLM and Negotiate behind secur32: those of Windows, or those of Wine. Calls go
 * through the function table of InitSecurityInterfaceW, and their results are passed on. Handles that were deleted stay
 * under their number, so that a stale one can be shown to the system. */
#define SECURITY_WIN32
#define UNICODE
#include "legwork_adapter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <windows.h>

#include <lm.h>
#include <security.h>

#define BUFFERS 8
#define ACCOUNTS 16

#define DRIVE(package, role, call)                                                                                   \
    "{\"package\":\"" package "\",\"role\":\"" role "\",\"operations\":[\"acquire\",\"free-credential\",\"" call "\","  \
    "\"complete\",\"export\",\"import\",\"delete\",\"free-buffers\",\"query\",\"sign\",\"verify\",\"seal\","          \
    "\"unseal\"],\"observables\":[\"token\",\"status\",\"attributes\",\"per-message\",\"handles\",\"buffers\","       \
    "\"buffer-attributes\"%s],\"forms\":[\"buffers\"],\"requirements\":4294967295,\"honours\":[\"bindings\","          \
    "\"character-set:oem\",\"identity\",\"leg\",\"package\",\"query\",\"target\"]}"

/* Version, the drives of the initiator, and, if it has accounts, those of the acceptor. */
static const char hello[] =
    "{\"protocol\":1,\"name\":\"sspi-win32\",\"version\":\"%s\",\"controls\":[],\"drives\":[%s%s]}";
static const char initiator[] = DRIVE("ntlm", "initiator", "initialize") "," DRIVE("negotiate", "initiator", "initialize");
static const char acceptor[] = "," DRIVE("ntlm", "acceptor", "accept") "," DRIVE("negotiate", "acceptor", "accept");

static PSecurityFunctionTableW library;
/* Buffers that the package allocated, under the `seq` of the request that they came with. */
static lw_handles credentials = {NULL, free}, contexts = {NULL, free}, allocations = {NULL, free};
/* Local accounts that this process made. */
static WCHAR *accounts[ACCOUNTS];

static void say(lw_call *call, SECURITY_STATUS status) { lw_status(call, "sspi", (uint32_t)status, NULL); }

/* --- Environment --------------------------------------------------------------------------------------------- */

/* An acceptor verifies logons against accounts of this machine. They are made only where somebody asked for it. */
static int makes_accounts(void) { return getenv("LEGWORK_CREATE_ACCOUNTS") != NULL; }

static void delete_accounts(void) {
    for (size_t i = 0; i < ACCOUNTS; i++) {
        if (!accounts[i]) continue;
        NetUserDel(NULL, accounts[i]);
        free(accounts[i]);
        accounts[i] = NULL;
    }
}

/* Makes a local account. One that is there already is not touched. */
static int create_account(lw_call *call, const lw_value *account, WCHAR **made) {
    lw_bytes user, password;
    USER_INFO_1 info = {0};
    if (!lw_text(call, lw_get(account, "user"), &user)) return 0;
    if (!lw_text(call, lw_get(account, "password"), &password)) return 0;
    info.usri1_name = (WCHAR *)user.data;
    info.usri1_password = (WCHAR *)password.data;
    info.usri1_priv = USER_PRIV_USER;
    info.usri1_flags = UF_SCRIPT | UF_DONT_EXPIRE_PASSWD;
    if (NetUserAdd(NULL, 1, (BYTE *)&info, NULL)) return 0;
    *made = _wcsdup(info.usri1_name);
    return 1;
}

static void reset(lw_call *call) {
    const lw_value *list = lw_get(lw_get(lw_request(call), "environment"), "accounts"), *account;
    lw_forget(&contexts);
    lw_forget(&credentials);
    lw_forget(&allocations);
    delete_accounts();
    if (lw_refuse(call, NULL)) return;
    for (size_t i = 0; (account = lw_item(list, i)); i++) {
        if (makes_accounts() && i < ACCOUNTS && create_account(call, account, &accounts[i])) continue;
        lw_unsupported(call, "account", "not-made");
        return;
    }
    lw_outcome(call);
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

/* The name of a package as the system has it. */
static void package_name(const lw_value *package, WCHAR name[64]) {
    const char *from = lw_string(package);
    memset(name, 0, 64 * sizeof *name);
    if (from && !strcmp(from, "ntlm")) from = "NTLM";
    if (from && !strcmp(from, "negotiate")) from = "Negotiate";
    for (size_t i = 0; from && from[i] && i < 63; i++) name[i] = (unsigned char)from[i];
}

static void part(lw_call *call, const lw_value *identity, const char *name, unsigned short **text,
                 unsigned long *length) {
    lw_bytes units;
    if (!lw_text(call, lw_get(identity, name), &units)) return;
    *text = (unsigned short *)units.data;
    *length = (unsigned long)(units.size / 2);
}

static void acquire(lw_call *call) {
    const lw_value *request = lw_request(call), *given = lw_get(request, "identity");
    const char *role = lw_string(lw_get(request, "role"));
    SEC_WINNT_AUTH_IDENTITY_W identity = {0};
    WCHAR name[64];
    SecHandle handle;
    TimeStamp expiry;
    package_name(lw_get(request, "package"), name);
    part(call, given, "user", &identity.User, &identity.UserLength);
    part(call, given, "domain", &identity.Domain, &identity.DomainLength);
    part(call, given, "password", &identity.Password, &identity.PasswordLength);
    identity.Flags = SEC_WINNT_AUTH_IDENTITY_UNICODE;
    ULONG use = role && !strcmp(role, "acceptor") ? SECPKG_CRED_INBOUND : SECPKG_CRED_OUTBOUND;
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

static void add_buffers(lw_call *call, const buffer_list *list) {
    for (ULONG i = 0; i < list->list.cBuffers; i++) {
        const SecBuffer *buffer = &list->buffers[i];
        lw_add_buffer(call, buffer->BufferType, buffer->pvBuffer, buffer->cbBuffer);
    }
}

/* --- Legs ---------------------------------------------------------------------------------------------------- */

/* The token, if there is one, as the kind of buffer that was given for it: no caller looks whether the package made it
 * another. What a failed call left at its full capacity it did not write. */
static void add_token(lw_call *call, SECURITY_STATUS status, const buffer_list *output, const SecBuffer *given) {
    void *allocated = NULL;
    for (ULONG i = 0; i < output->list.cBuffers; i++) {
        const SecBuffer *buffer = &output->buffers[i];
        if (!given[i].pvBuffer && buffer->pvBuffer) allocated = buffer->pvBuffer;
        if (!buffer->cbBuffer || (status < 0 && buffer->cbBuffer == given[i].cbBuffer)) continue;
        lw_add_buffer(call, given[i].BufferType, buffer->pvBuffer, buffer->cbBuffer);
    }
    if (!allocated) return;
    void **kept = malloc(sizeof *kept);
    *kept = allocated;
    lw_keep(&allocations, lw_number(lw_get(lw_request(call), "seq")), kept);
    lw_add_allocated(call);
}

static void leg(lw_call *call, int initiator) {
    const lw_value *request = lw_request(call), *number = lw_get(request, "context");
    const lw_value *reserved = lw_get(request, "reserved");
    SecHandle invalid[2], new_handle, *credential, *context = NULL;
    buffer_list input, output;
    SecBuffer given[BUFFERS];
    ULONG attributes = 0;
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
        if (!lw_get(lw_item(lw_get(request, "output"), i), "capacity")) output.buffers[i].pvBuffer = NULL;
        given[i] = output.buffers[i];
    }
    ULONG requirements = (ULONG)lw_number(lw_get(request, "requirements"));
    ULONG representation = (ULONG)lw_number(lw_get(request, "data-representation"));
    if (initiator) {
        lw_text(call, lw_get(request, "target"), &target);
        status = library->InitializeSecurityContextW(
            credential, context, (WCHAR *)target.data, requirements, (ULONG)lw_number(lw_item(reserved, 0)),
            representation, in, (ULONG)lw_number(lw_item(reserved, 1)), made, out, &attributes, &expiry);
    } else {
        status = library->AcceptSecurityContext(credential, context, in, requirements, representation, made, out,
                                                &attributes, &expiry);
    }
    if (!context && SecIsValidHandle(&new_handle)) keep(&contexts, lw_get(request, "new-context"), &new_handle);
    say(call, status);
    lw_add_attributes(call, "sspi", attributes);
    add_token(call, status, &output, given);
}

static void initialize(lw_call *call) { leg(call, 1); }

static void accept_leg(lw_call *call) { leg(call, 0); }

static SecHandle *context_of(lw_call *call, SecHandle *invalid) {
    return handle_of(&contexts, lw_get(lw_request(call), "context"), invalid);
}

static void complete(lw_call *call) {
    SecHandle invalid;
    buffer_list token;
    SecBufferDesc *list = buffers_of(call, lw_get(lw_request(call), "buffers"), &token);
    say(call, library->CompleteAuthToken(context_of(call, &invalid), list));
}

static void delete_context(lw_call *call) {
    SecHandle invalid;
    say(call, library->DeleteSecurityContext(context_of(call, &invalid)));
}

static void free_buffers(lw_call *call) {
    void **allocated = lw_drop(call, &allocations, lw_get(lw_request(call), "of"));
    if (!allocated) return;
    say(call, library->FreeContextBuffer(*allocated));
    free(allocated);
}

static void export_context(lw_call *call) {
    SecHandle invalid;
    SecBuffer packed = {0, SECBUFFER_TOKEN, NULL};
    SECURITY_STATUS status = library->ExportSecurityContext(context_of(call, &invalid),
                                                            SECPKG_CONTEXT_EXPORT_DELETE_OLD, &packed, NULL);
    say(call, status);
    if (status != SEC_E_OK) return;
    lw_add_buffer(call, packed.BufferType, packed.pvBuffer, packed.cbBuffer);
    library->FreeContextBuffer(packed.pvBuffer);
}

static void import_context(lw_call *call) {
    const lw_value *request = lw_request(call);
    WCHAR name[64];
    SecHandle handle;
    buffer_list packed;
    package_name(lw_get(request, "package"), name);
    if (!buffers_of(call, lw_get(request, "buffers"), &packed)) {
        lw_fault(call, "no packed context");
        return;
    }
    SECURITY_STATUS status = library->ImportSecurityContextW(name, &packed.buffers[0], NULL, &handle);
    if (status == SEC_E_OK) keep(&contexts, lw_get(request, "context"), &handle);
    say(call, status);
}

/* --- Attributes of a context ---------------------------------------------------------------------------------- */

static void add_text(lw_call *call, const char *name, const WCHAR *text) {
    if (text) lw_add_value_text(call, name, (const uint16_t *)text, wcslen(text));
}

static void add_sizes(lw_call *call, const SecPkgContext_Sizes *sizes) {
    lw_add_value_number(call, "max-token", sizes->cbMaxToken);
    lw_add_value_number(call, "max-signature", sizes->cbMaxSignature);
    lw_add_value_number(call, "block-size", sizes->cbBlockSize);
    lw_add_value_number(call, "security-trailer", sizes->cbSecurityTrailer);
}

static void add_flags(lw_call *call, ULONG flags) {
    char text[16];
    snprintf(text, sizeof text, "0x%08lx", flags);
    lw_add_value_string(call, "flags", text);
}

/* What an attribute says, and where the package allocated a part of it. */
static void add_values(lw_call *call, ULONG attribute, const void *answer, void **allocated) {
    const SecPkgContext_SessionKey *key = answer;
    const SecPkgContext_TargetInformation *target = answer;
    const SecPkgContext_PackageInfoW *package = answer;
    const SecPkgContext_Lifespan *lifespan = answer;
    switch (attribute) {
    case SECPKG_ATTR_SIZES:
        add_sizes(call, answer);
        break;
    case SECPKG_ATTR_FLAGS:
        add_flags(call, ((const SecPkgContext_Flags *)answer)->Flags);
        break;
    case SECPKG_ATTR_LIFESPAN:
        lw_add_value_number(call, "expiry", (uint64_t)lifespan->tsExpiry.QuadPart);
        break;
    case SECPKG_ATTR_SESSION_KEY:
        lw_add_value_bytes(call, "session-key", key->SessionKey, key->SessionKeyLength);
        *allocated = key->SessionKey;
        break;
    case SECPKG_ATTR_NAMES:
        *allocated = ((const SecPkgContext_NamesW *)answer)->sUserName;
        add_text(call, "user", *allocated);
        break;
    case SECPKG_ATTR_PACKAGE_INFO:
        *allocated = package->PackageInfo;
        if (*allocated) add_text(call, "package", package->PackageInfo->Name);
        break;
    case SECPKG_ATTR_TARGET_INFORMATION:
        lw_add_value_bytes(call, "target-information", target->MarshalledTargetInfo,
                           target->MarshalledTargetInfoLength);
        *allocated = target->MarshalledTargetInfo;
        break;
    }
}

static void query(lw_call *call) {
    static const struct {
        const char *name;
        ULONG number;
    } attributes[] = {{"sizes", SECPKG_ATTR_SIZES},
                      {"names", SECPKG_ATTR_NAMES},
                      {"lifespan", SECPKG_ATTR_LIFESPAN},
                      {"session-key", SECPKG_ATTR_SESSION_KEY},
                      {"package-info", SECPKG_ATTR_PACKAGE_INFO},
                      {"flags", SECPKG_ATTR_FLAGS},
                      {"target-information", SECPKG_ATTR_TARGET_INFORMATION},
                      {"connection-info", 90}};
    const char *name = lw_string(lw_get(lw_request(call), "attribute"));
    SecHandle invalid, *context = context_of(call, &invalid);
    for (size_t i = 0; name && i < sizeof attributes / sizeof *attributes; i++) {
        if (strcmp(attributes[i].name, name)) continue;
        lw_bytes answer = lw_room(call, 256);
        void *allocated = NULL;
        memset(answer.data, 0, answer.size);
        SECURITY_STATUS status = library->QueryContextAttributesW(context, attributes[i].number, answer.data);
        say(call, status);
        if (status == SEC_E_OK) add_values(call, attributes[i].number, answer.data, &allocated);
        if (allocated) library->FreeContextBuffer(allocated);
        return;
    }
    lw_unsupported(call, "query", name);
}

/* --- Messages ------------------------------------------------------------------------------------------------ */

enum protection { SIGN, VERIFY, SEAL, UNSEAL };

static void protect(lw_call *call, enum protection operation) {
    const lw_value *request = lw_request(call);
    const char *form = lw_string(lw_get(request, "form"));
    SecHandle invalid, *context = context_of(call, &invalid);
    buffer_list message;
    ULONG quality = (ULONG)lw_number(lw_get(request, "quality"));
    ULONG sequence = (ULONG)lw_number(lw_get(request, "sequence"));
    SECURITY_STATUS status = SEC_E_UNSUPPORTED_FUNCTION;
    if (!form || strcmp(form, "buffers")) {
        lw_unsupported(call, "form", form);
        return;
    }
    buffers_of(call, lw_get(request, "buffers"), &message);
    switch (operation) {
    case SIGN:
        status = library->MakeSignature(context, quality, &message.list, sequence);
        break;
    case VERIFY:
        status = library->VerifySignature(context, &message.list, sequence, &quality);
        break;
    case SEAL:
        status = library->EncryptMessage(context, quality, &message.list, sequence);
        break;
    case UNSEAL:
        status = library->DecryptMessage(context, &message.list, sequence, &quality);
        break;
    }
    say(call, status);
    if (status == SEC_E_OK) add_buffers(call, &message);
}

static void sign(lw_call *call) { protect(call, SIGN); }

static void verify(lw_call *call) { protect(call, VERIFY); }

static void seal(lw_call *call) { protect(call, SEAL); }

static void unseal(lw_call *call) { protect(call, UNSEAL); }

/* --- The program --------------------------------------------------------------------------------------------- */

static FARPROC system_function(const char *name) { return GetProcAddress(GetModuleHandleW(L"ntdll.dll"), name); }

/* Whose secur32 this is: Wine's (1), or that of a version of Windows (0). */
static int version(char *to, size_t room) {
    typedef const char *(*wine_version)(void);
    typedef LONG(WINAPI * windows_version)(OSVERSIONINFOW *);
    wine_version wine = (wine_version)(void *)system_function("wine_get_version");
    windows_version windows = (windows_version)(void *)system_function("RtlGetVersion");
    OSVERSIONINFOW info = {.dwOSVersionInfoSize = sizeof info};
    if (wine) {
        snprintf(to, room, "Wine %s", wine());
        return 1;
    }
    if (windows) windows(&info);
    snprintf(to, room, "Windows %lu.%lu.%lu", info.dwMajorVersion, info.dwMinorVersion, info.dwBuildNumber);
    return 0;
}

/* Wine tells neither the session key nor who logged on. */
static const char *told(void) {
    static char text[4096], drives[2][2048];
    char name[64];
    int wine = version(name, sizeof name);
    const char *more[] = {wine ? "" : ",\"session-key\"", wine ? "" : ",\"session-key\",\"peer-name\""};
    snprintf(drives[0], sizeof drives[0], initiator, more[0], more[0]);
    snprintf(drives[1], sizeof drives[1], acceptor, more[1], more[1]);
    snprintf(text, sizeof text, hello, name, drives[0], makes_accounts() ? drives[1] : "");
    return text;
}

int main(void) {
    static const lw_handler handlers[] = {
        {"reset", reset},
        {"acquire", acquire},
        {"free-credential", free_credential},
        {"initialize", initialize},
        {"accept", accept_leg},
        {"complete", complete},
        {"export", export_context},
        {"import", import_context},
        {"delete", delete_context},
        {"free-buffers", free_buffers},
        {"query", query},
        {"sign", sign},
        {"verify", verify},
        {"seal", seal},
        {"unseal", unseal},
        {NULL, NULL},
    };
    library = InitSecurityInterfaceW();
    if (!library) return 1;
    int code = lw_run(told(), handlers);
    delete_accounts();
    return code;
}
