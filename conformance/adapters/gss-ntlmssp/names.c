/* Texts of the protocol as the library has them: UTF-8, and names of its own forms. */
#define _GNU_SOURCE
#include "names.h"

#include <iconv.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define UNITS "UTF-16LE"
#else
#define UNITS "UTF-16BE"
#endif

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

enum text text_of(lw_call *call, const lw_value *value, lw_bytes *text) {
    lw_bytes units;
    if (!lw_text(call, value, &units)) return ABSENT;
    if (convert(call, UNITS, "UTF-8", &units, text)) return THERE;
    lw_unsupported(call, "text:unpaired-surrogate", NULL);
    return REFUSED;
}

OM_uint32 import_name(lw_call *call, OM_uint32 *minor, const lw_bytes *left, char between, const lw_bytes *right,
                      gss_OID type, gss_name_t *name) {
    size_t size = left->size + 1 + right->size;
    lw_bytes whole = lw_room(call, size);
    memcpy(whole.data, left->data, left->size);
    whole.data[left->size] = (unsigned char)between;
    memcpy(whole.data + left->size + 1, right->data, right->size);
    gss_buffer_desc buffer = {size, whole.data};
    return gss_import_name(minor, &buffer, type, name);
}

int units_of(lw_call *call, const lw_bytes *text, lw_bytes *units) {
    lw_bytes converted;
    if (!convert(call, "UTF-8", UNITS, text, &converted)) return 0;
    /* An even size ends at the end of a page, and so begins at an even address. */
    *units = lw_room(call, converted.size);
    memcpy(units->data, converted.data, converted.size);
    return 1;
}

int user_name(lw_call *call, const lw_value *identity, OM_uint32 *major, OM_uint32 *minor, gss_name_t *name) {
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

int target_name(lw_call *call, const lw_value *target, OM_uint32 *major, OM_uint32 *minor, gss_name_t *name) {
    lw_bytes text;
    enum text given = text_of(call, target, &text);
    if (given == REFUSED) return 0;
    unsigned char *slash = given == THERE ? memchr(text.data, '/', text.size) : NULL;
    if (!slash || slash == text.data) {
        lw_unsupported(call, "target", given == THERE ? "not-service/host" : "absent");
        return 0;
    }
    lw_bytes service = {text.data, (size_t)(slash - text.data)};
    lw_bytes host = {slash + 1, text.size - service.size - 1};
    *major = import_name(call, minor, &service, '@', &host, GSS_C_NT_HOSTBASED_SERVICE, name);
    return 1;
}
