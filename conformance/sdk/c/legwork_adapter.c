/* See legwork_adapter.h. */
#define _DEFAULT_SOURCE
#include "legwork_adapter.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include <fcntl.h>
#include <io.h>
#include <windows.h>
#else
#include <sys/mman.h>
#include <unistd.h>
#endif

#define DEPTH 32
#define PATTERN 0xA5

static void die(const char *why) {
    fprintf(stderr, "legwork adapter: %s\n", why);
    abort();
}

/* --- The system ---------------------------------------------------------------------------------------------- */

#ifdef _WIN32

static size_t page_size(void) {
    SYSTEM_INFO system;
    GetSystemInfo(&system);
    return system.dwPageSize;
}

/* Pages that cannot be touched but for those between the first and the last. */
static unsigned char *map_pages(size_t inner, size_t page) {
    unsigned char *base = VirtualAlloc(NULL, inner + 2 * page, MEM_RESERVE, PAGE_NOACCESS);
    return base && VirtualAlloc(base + page, inner, MEM_COMMIT, PAGE_READWRITE) ? base : NULL;
}

static void unmap_pages(unsigned char *base, size_t length) {
    (void)length;
    VirtualFree(base, 0, MEM_RELEASE);
}

/* The standard output for the protocol alone; what else is printed goes to the standard error. A crash is to end the
 * process at once, and not to wait for somebody at a window. */
static FILE *take_output(void) {
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
    int output = _dup(1);
    _setmode(0, _O_BINARY);
    _setmode(output, _O_BINARY);
    return _dup2(2, 1) < 0 ? NULL : _fdopen(output, "wb");
}

#else

static size_t page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

static unsigned char *map_pages(size_t inner, size_t page) {
    unsigned char *base = mmap(NULL, inner + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return base != MAP_FAILED && !mprotect(base + page, inner, PROT_READ | PROT_WRITE) ? base : NULL;
}

static void unmap_pages(unsigned char *base, size_t length) { munmap(base, length); }

static FILE *take_output(void) {
    int output = dup(STDOUT_FILENO);
    return dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ? NULL : fdopen(output, "w");
}

#endif

/* --- Memory -------------------------------------------------------------------------------------------------- */

static void *allocate(size_t size) {
    void *memory = calloc(1, size ? size : 1);
    if (!memory) die("out of memory");
    return memory;
}

/* A guarded mapping: inaccessible page, slack, bytes, inaccessible page. */
typedef struct mapping {
    struct mapping *next;
    unsigned char *base;
    size_t length;
    size_t slack;
    size_t page;
} mapping;

typedef struct {
    char *data;
    size_t size, room;
} text;

struct lw_call {
    const lw_value *request;
    mapping *mappings;
    text reply, buffers, values;
    int answered;
};

lw_bytes lw_room(lw_call *call, size_t size) {
    size_t page = page_size();
    if (size > (size_t)1 << 30) die("a buffer of more than 1 GiB");
    size_t inner = (size + page) / page * page;
    mapping *entry = allocate(sizeof *entry);
    entry->page = page;
    entry->length = inner + 2 * page;
    entry->slack = inner - size;
    entry->base = map_pages(inner, page);
    if (!entry->base) die("no mapping");
    memset(entry->base + page, PATTERN, inner);
    entry->next = call->mappings;
    call->mappings = entry;
    lw_bytes bytes = {entry->base + page + entry->slack, size};
    return bytes;
}

/* Looks at the slack before each buffer, and gives everything back. */
static void release_mappings(lw_call *call) {
    while (call->mappings) {
        mapping *entry = call->mappings;
        for (size_t i = 0; i < entry->slack; i++)
            if (entry->base[entry->page + i] != PATTERN) die("something was written before the begin of a buffer");
        call->mappings = entry->next;
        unmap_pages(entry->base, entry->length);
        free(entry);
    }
}

static void append(text *to, const char *format, ...) {
    for (;;) {
        va_list arguments;
        va_start(arguments, format);
        size_t left = to->room - to->size;
        int length = vsnprintf(to->data ? to->data + to->size : NULL, left, format, arguments);
        va_end(arguments);
        if (length < 0) die("vsnprintf");
        if ((size_t)length < left) {
            to->size += (size_t)length;
            return;
        }
        to->room = (to->size + (size_t)length + 1) * 2;
        to->data = realloc(to->data, to->room);
        if (!to->data) die("out of memory");
    }
}

static void append_hex(text *to, const void *data, size_t size) {
    const unsigned char *bytes = data;
    append(to, "\"");
    for (size_t i = 0; i < size; i++) append(to, "%02x", bytes[i]);
    append(to, "\"");
}

/* A string; what is not printable ASCII is replaced, for libraries say things in any encoding. */
static void append_string(text *to, const char *string) {
    append(to, "\"");
    for (; *string; string++) {
        if (*string == '"' || *string == '\\') append(to, "\\%c", *string);
        else append(to, "%c", *string >= ' ' && *string <= '~' ? *string : '?');
    }
    append(to, "\"");
}

/* --- Reading JSON -------------------------------------------------------------------------------------------- */

enum kind { NOTHING, LITERAL, NUMBER, STRING, ARRAY, OBJECT };

struct lw_value {
    enum kind kind;
    uint64_t number;
    char *string;
    /* Of items and fields. */
    char *name;
    struct lw_value *first, *next;
};

static void release_value(lw_value *value) {
    while (value) {
        lw_value *next = value->next;
        release_value(value->first);
        free(value->string);
        free(value->name);
        free(value);
        value = next;
    }
}

static void skip(const char **at) {
    while (**at && strchr(" \t\r\n", **at)) ++*at;
}

static unsigned digit(char character) {
    if (character >= '0' && character <= '9') return (unsigned)(character - '0');
    if (character >= 'a' && character <= 'f') return (unsigned)(character - 'a') + 10;
    if (character >= 'A' && character <= 'F') return (unsigned)(character - 'A') + 10;
    return 16;
}

static int read_escape(const char **at, char **to) {
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *found;
    if (**at != 'u') {
        if (!**at || !(found = strchr(names, **at))) return 0;
        *(*to)++ = meanings[found - names];
        ++*at;
        return 1;
    }
    unsigned unit = 0;
    for (int i = 1; i <= 4; i++) {
        unsigned value = digit((*at)[i]);
        if (value > 15) return 0;
        unit = unit << 4 | value;
    }
    *at += 5;
    /* Halves of pairs come out one by one: this text is for people, `utf16` holds. */
    if (unit < 0x80) {
        *(*to)++ = (char)unit;
    } else {
        if (unit >= 0x800) {
            *(*to)++ = (char)(0xE0 | unit >> 12);
            *(*to)++ = (char)(0x80 | (unit >> 6 & 0x3F));
        } else {
            *(*to)++ = (char)(0xC0 | unit >> 6);
        }
        *(*to)++ = (char)(0x80 | (unit & 0x3F));
    }
    return 1;
}

static char *read_string(const char **at) {
    if (**at != '"') return NULL;
    const char *from = ++*at;
    /* No escape is shorter than what it stands for. */
    char *string = allocate(strlen(from) + 1), *to = string;
    while (*from && *from != '"') {
        if (*from != '\\') {
            *to++ = *from++;
        } else {
            from++;
            if (!read_escape(&from, &to)) break;
        }
    }
    if (*from != '"') {
        free(string);
        return NULL;
    }
    *at = from + 1;
    return string;
}

static lw_value *read_value(const char **at, int depth);

/* Items until the closing bracket. */
static int read_items(const char **at, lw_value *list, int depth) {
    char close = list->kind == OBJECT ? '}' : ']';
    lw_value **last = &list->first;
    skip(at);
    if (**at == close) return ++*at, 1;
    for (;;) {
        char *name = NULL;
        skip(at);
        if (list->kind == OBJECT) {
            name = read_string(at);
            skip(at);
            if (!name || **at != ':') return free(name), 0;
            ++*at;
        }
        lw_value *item = read_value(at, depth + 1);
        if (!item) return free(name), 0;
        item->name = name;
        *last = item;
        last = &item->next;
        skip(at);
        if (**at == close) return ++*at, 1;
        if (**at != ',') return 0;
        ++*at;
    }
}

static int read_word(const char **at, lw_value *value) {
    static const char *const words[] = {"null", "true", "false"};
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(words[i]);
        if (!strncmp(*at, words[i], length)) {
            value->kind = i ? LITERAL : NOTHING;
            value->number = i == 1;
            *at += length;
            return 1;
        }
    }
    char *end;
    value->kind = NUMBER;
    value->number = strtoull(*at, &end, 10);
    if (end == *at) return 0;
    /* The protocol has whole numbers only; a fraction in a policy switch is passed over. */
    while (*end && strchr("0123456789.eE+-", *end)) end++;
    *at = end;
    return 1;
}

static lw_value *read_value(const char **at, int depth) {
    lw_value *value = allocate(sizeof *value);
    int good;
    skip(at);
    if (depth > DEPTH) {
        good = 0;
    } else if (**at == '{' || **at == '[') {
        value->kind = *(*at)++ == '{' ? OBJECT : ARRAY;
        good = read_items(at, value, depth);
    } else if (**at == '"') {
        value->kind = STRING;
        good = (value->string = read_string(at)) != NULL;
    } else {
        good = read_word(at, value);
    }
    if (good) return value;
    release_value(value);
    return NULL;
}

/* --- The request --------------------------------------------------------------------------------------------- */

const lw_value *lw_request(const lw_call *call) { return call->request; }

const lw_value *lw_get(const lw_value *object, const char *name) {
    if (!object || object->kind != OBJECT) return NULL;
    for (const lw_value *field = object->first; field; field = field->next)
        if (!strcmp(field->name, name)) return field->kind == NOTHING ? NULL : field;
    return NULL;
}

const lw_value *lw_item(const lw_value *list, size_t place) {
    const lw_value *item = list ? list->first : NULL;
    while (item && place--) item = item->next;
    return item;
}

const char *lw_name(const lw_value *object, size_t place) {
    const lw_value *field = lw_item(object, place);
    return field ? field->name : NULL;
}

const char *lw_string(const lw_value *value) { return value && value->kind == STRING ? value->string : NULL; }

uint64_t lw_number(const lw_value *value) { return value && value->kind == NUMBER ? value->number : 0; }

static size_t hex_size(const lw_value *value) {
    const char *hex = lw_string(value);
    return hex ? strlen(hex) / 2 : 0;
}

static void read_hex(const lw_value *value, unsigned char *to) {
    const char *hex = lw_string(value);
    for (size_t i = 0, size = hex_size(value); i < size; i++)
        to[i] = (unsigned char)(digit(hex[2 * i]) << 4 | (digit(hex[2 * i + 1]) & 15));
}

int lw_text(lw_call *call, const lw_value *text, lw_bytes *units) {
    const lw_value *utf16 = lw_get(text, "utf16");
    if (!utf16) return 0;
    size_t size = hex_size(utf16) & ~(size_t)1;
    *units = lw_room(call, size + 2);
    read_hex(utf16, units->data);
    for (size_t i = 0; i < size; i += 2) {
        uint16_t unit = (uint16_t)(units->data[i] | units->data[i + 1] << 8);
        memcpy(units->data + i, &unit, 2);
    }
    memset(units->data + size, 0, 2);
    units->size = size;
    return 1;
}

lw_bytes lw_hex(lw_call *call, const lw_value *hex) {
    lw_bytes bytes = lw_room(call, hex_size(hex));
    read_hex(hex, bytes.data);
    return bytes;
}

int lw_buffer(lw_call *call, const lw_value *buffers, unsigned kind, lw_bytes *bytes) {
    const lw_value *buffer;
    for (size_t i = 0; (buffer = lw_item(buffers, i)); i++) {
        if (lw_number(lw_get(buffer, "kind")) != kind) continue;
        *bytes = lw_hex(call, lw_get(buffer, "bytes"));
        return 1;
    }
    return 0;
}

int lw_refuse(lw_call *call, const char *const *policies) {
    const lw_value *environment = lw_get(call->request, "environment");
    const lw_value *policy = lw_get(environment, "policy"), *account;
    const char *name;
    for (size_t i = 0; (name = lw_name(policy, i)); i++) {
        const char *const *known = policies;
        while (known && *known && strcmp(*known, name)) known++;
        if (!known || !*known) return lw_unsupported(call, "policy", name), 1;
    }
    const lw_value *fault = lw_item(lw_get(environment, "faults"), 0);
    if (fault) return lw_unsupported(call, "fault", lw_string(fault)), 1;
    for (size_t i = 0; (account = lw_item(lw_get(environment, "accounts"), i)); i++) {
        const char *state = lw_string(lw_get(account, "state"));
        if (state) return lw_unsupported(call, "account", state), 1;
    }
    return 0;
}

/* --- The answer ---------------------------------------------------------------------------------------------- */

static void begin(lw_call *call) {
    if (call->answered) die("a request was answered twice");
    call->answered = 1;
}

void lw_outcome(lw_call *call) {
    begin(call);
    append(&call->reply, "\"outcome\":{");
}

static void number_status(lw_call *call, const char *name_space, uint32_t code) {
    lw_outcome(call);
    append(&call->reply, "\"status\":{\"namespace\":\"%s\",\"code\":\"0x%08" PRIx32 "\"", name_space, code);
}

static void append_field(lw_call *call, const char *name, const char *string) {
    if (!string) return;
    append(&call->reply, ",\"%s\":", name);
    append_string(&call->reply, string);
}

void lw_status(lw_call *call, const char *name_space, uint32_t code, const char *message) {
    number_status(call, name_space, code);
    append_field(call, "message", message);
    append(&call->reply, "}");
}

void lw_status_gss(lw_call *call, uint32_t major, uint32_t minor, const char *mechanism, const char *message) {
    number_status(call, "gss", major);
    append(&call->reply, ",\"minor\":\"0x%08" PRIx32 "\"", minor);
    append_field(call, "mechanism", mechanism);
    append_field(call, "message", message);
    append(&call->reply, "}");
}

void lw_returned(lw_call *call, int complete) {
    lw_outcome(call);
    const char *code = complete ? "complete" : "continue";
    append(&call->reply, "\"status\":{\"namespace\":\"return\",\"code\":\"%s\"}", code);
}

void lw_add_buffer(lw_call *call, unsigned kind, const void *data, size_t size) {
    append(&call->buffers, "%s{\"kind\":%u,", call->buffers.size ? "," : "", kind & 0x0FFFFFFF);
    if (kind >> 28) append(&call->buffers, "\"attributes\":%u,", kind & 0xF0000000);
    append(&call->buffers, "\"bytes\":");
    append_hex(&call->buffers, data, size);
    append(&call->buffers, "}");
}

void lw_add_allocated(lw_call *call) { append(&call->reply, ",\"allocated\":true"); }

void lw_add_attributes(lw_call *call, const char *name_space, uint32_t bits) {
    const char *format = ",\"attributes\":{\"namespace\":\"%s\",\"bits\":%" PRIu32 "}";
    append(&call->reply, format, name_space, bits);
}

static void value_name(lw_call *call, const char *name) {
    append(&call->values, "%s\"%s\":", call->values.size ? "," : "", name);
}

void lw_add_value_bytes(lw_call *call, const char *name, const void *data, size_t size) {
    value_name(call, name);
    append_hex(&call->values, data, size);
}

void lw_add_value_number(lw_call *call, const char *name, uint64_t number) {
    value_name(call, name);
    append(&call->values, "%" PRIu64, number);
}

void lw_add_value_string(lw_call *call, const char *name, const char *string) {
    value_name(call, name);
    append_string(&call->values, string);
}

void lw_add_value_json(lw_call *call, const char *name, const char *json) {
    value_name(call, name);
    append(&call->values, "%s", json);
}

/* Whether a unit is the first half of a surrogate pair and the next one its second. */
static int is_pair(const uint16_t *units, size_t left) {
    return left > 1 && units[0] >> 10 == 0xD800 >> 10 && units[1] >> 10 == 0xDC00 >> 10;
}

/* Half of a pair alone is no text: where there is one, `utf16` holds. */
static void append_units(text *to, const uint16_t *units, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (is_pair(units + i, count - i)) {
            append(to, "\\u%04x\\u%04x", units[i], units[i + 1]);
            i++;
        } else {
            append(to, "\\u%04x", units[i] >> 11 == 0xD800 >> 11 ? 0xFFFD : units[i]);
        }
    }
}

void lw_add_value_text(lw_call *call, const char *name, const uint16_t *units, size_t count) {
    value_name(call, name);
    append(&call->values, "{\"utf16\":\"");
    for (size_t i = 0; i < count; i++) append(&call->values, "%02x%02x", units[i] & 255, units[i] >> 8);
    append(&call->values, "\",\"text\":\"");
    append_units(&call->values, units, count);
    append(&call->values, "\"}");
}

void lw_unsupported(lw_call *call, const char *what, const char *detail) {
    text all = {0};
    begin(call);
    append(&all, "%s%s%s", what, detail ? ":" : "", detail ? detail : "");
    append(&call->reply, "\"unsupported\":{\"what\":");
    append_string(&call->reply, all.data);
    free(all.data);
}

void lw_fault(lw_call *call, const char *message) {
    begin(call);
    append(&call->reply, "\"fault\":{\"message\":");
    append_string(&call->reply, message);
}

/* --- Handles ------------------------------------------------------------------------------------------------- */

struct lw_handle {
    uint64_t number;
    void *value;
    struct lw_handle *next;
};

static struct lw_handle *handle(const lw_handles *handles, uint64_t number) {
    struct lw_handle *entry = handles->first;
    while (entry && entry->number != number) entry = entry->next;
    return entry;
}

void lw_keep(lw_handles *handles, uint64_t number, void *value) {
    struct lw_handle *entry = handle(handles, number);
    if (!entry) {
        entry = allocate(sizeof *entry);
        entry->number = number;
        entry->next = handles->first;
        handles->first = entry;
    } else if (entry->value && handles->release) {
        handles->release(entry->value);
    }
    entry->value = value;
}

void *lw_peek(const lw_handles *handles, const lw_value *number) {
    struct lw_handle *entry = number ? handle(handles, lw_number(number)) : NULL;
    return entry ? entry->value : NULL;
}

void *lw_find(lw_call *call, lw_handles *handles, const lw_value *number) {
    if (!number) return lw_unsupported(call, "absent-handle", NULL), NULL;
    struct lw_handle *entry = handle(handles, lw_number(number));
    if (!entry) return lw_unsupported(call, "foreign-handle", NULL), NULL;
    if (!entry->value) lw_unsupported(call, "stale-handle", NULL);
    return entry->value;
}

void *lw_drop(lw_call *call, lw_handles *handles, const lw_value *number) {
    void *value = lw_find(call, handles, number);
    if (value) handle(handles, lw_number(number))->value = NULL;
    return value;
}

void lw_forget(lw_handles *handles) {
    while (handles->first) {
        struct lw_handle *entry = handles->first;
        if (entry->value && handles->release) handles->release(entry->value);
        handles->first = entry->next;
        free(entry);
    }
}

/* --- The conversation ---------------------------------------------------------------------------------------- */

static void dispatch(lw_call *call, const char *hello, const lw_handler *handlers, const char *operation) {
    if (!strcmp(operation, "hello")) {
        lw_outcome(call);
        append(&call->reply, "\"hello\":%s", hello);
        return;
    }
    if (!strcmp(operation, "bye")) {
        lw_outcome(call);
        return;
    }
    for (; handlers->operation; handlers++) {
        if (strcmp(handlers->operation, operation)) continue;
        handlers->answer(call);
        if (!call->answered) lw_fault(call, "the adapter gave no answer");
        return;
    }
    lw_unsupported(call, operation, NULL);
}

static void add_list(lw_call *call, const char *name, const text *list, char open, char close) {
    if (!list->size) return;
    const char *comma = call->reply.data[call->reply.size - 1] == '{' ? "" : ",";
    append(&call->reply, "%s\"%s\":%c%s%c", comma, name, open, list->data, close);
}

/* Answers one line; returns whether it was the last. */
static int answer(const char *line, FILE *protocol, const char *hello, const lw_handler *handlers) {
    lw_value *request = read_value(&line, 0);
    const char *operation = lw_string(lw_get(request, "op"));
    lw_call call = {0};
    call.request = request;
    if (operation) dispatch(&call, hello, handlers, operation);
    else lw_fault(&call, "the line is no request");
    add_list(&call, "buffers", &call.buffers, '[', ']');
    add_list(&call, "values", &call.values, '{', '}');
    uint64_t number = lw_number(lw_get(request, "seq"));
    fprintf(protocol, "{\"seq\":%" PRIu64 ",%s}}\n", number, call.reply.data);
    fflush(protocol);
    int last = operation && !strcmp(operation, "bye");
    release_mappings(&call);
    release_value(request);
    free(call.reply.data);
    free(call.buffers.data);
    free(call.values.data);
    return last;
}

/* Reads a line; returns whether there was one. */
static int read_line(text *line) {
    line->size = 0;
    do {
        if (line->room - line->size < 2) {
            line->room = (line->room + 512) * 2;
            line->data = realloc(line->data, line->room);
            if (!line->data) die("out of memory");
        }
        if (!fgets(line->data + line->size, (int)(line->room - line->size), stdin)) break;
        line->size += strlen(line->data + line->size);
    } while (line->size && line->data[line->size - 1] != '\n');
    return line->size > 0;
}

int lw_run(const char *hello, const lw_handler *handlers) {
    FILE *protocol = take_output();
    text line = {0};
    if (!protocol) die("no standard output");
    int last = 0;
    while (!last && read_line(&line)) last = answer(line.data, protocol, hello, handlers);
    free(line.data);
    fclose(protocol);
    return 0;
}
